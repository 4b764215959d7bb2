"""Quantizes a model with ONNX Runtime's own Python tool, at its best for a CPU, and measures the result.

Static QDQ, activations uint8, weights int8 per channel, with each calibration method in turn. The tool gets what its
documentation asks for: opset 13 or newer, Constant nodes as initializers, the basic graph optimizations. Prints JSON:
{"float": {...}, method: {"sqnrDb": {output: dB}, "top1" | "dice": ..., "bytes", "seconds"}}; SQNR is against the float model, over
all evaluation samples, both sessions at full optimization. `seconds` is calibration and quantization.
Without EVALUATION.npz the files are written only. Arrays hold samples along axis 0, as the model's batch axis or, with
--stacked, as an axis of their own.
Usage: ort_tool.py MODEL CALIBRATION.npz [EVALUATION.npz] [--keep FOLDER] [--methods minmax,percentile:99.99]
                   [--activations uint8|uint16] [--stacked]
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

ACTIVATIONS = {"uint8": QuantType.QUInt8, "uint16": QuantType.QUInt16}
METHODS = ["minmax", "percentile:99.99", "percentile:99.999"]
MINIMUM_OPSET = 13  # per-channel QuantizeLinear


class Samples(CalibrationDataReader):
    """One sample to a feed, as batch 1."""

    def __init__(self, arrays, stacked=False):
        self.arrays = arrays
        self.stacked = stacked
        self.next = 0

    def get_next(self):
        if self.next == len(next(iter(self.arrays.values()))):
            return None
        self.next += 1
        at = self.next - 1
        if self.stacked:
            return {name: np.asarray(array[at]) for name, array in self.arrays.items()}
        return {name: array[at : at + 1] for name, array in self.arrays.items()}


def load_arrays(path, names):
    data = np.load(path)
    return {name: data[name] for name in names}, data["labels"] if "labels" in data.files else None


def constants_to_initializers(graph):
    for node in [n for n in graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]:
        tensor = graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.node.remove(node)


def prepare(model_path, prepared_path):
    """Writes the model as the tool wants it.

    The steps of quant_pre_process by hand: that function (1.30.0) throws its optimized model away, with BatchNormalization
    folded and all, when symbolic shape inference is skipped, and that one needs sympy and helps transformers only.
    """
    model = onnx.load(model_path)
    constants_to_initializers(model.graph)
    constant = {i.name for i in model.graph.initializer}
    for value in [v for v in model.graph.input if v.name in constant]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, 8)
    opset = next(o for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if opset.version < MINIMUM_OPSET:
        model = version_converter.convert_version(model, MINIMUM_OPSET)
        constants_to_initializers(model.graph)
    with tempfile.TemporaryDirectory() as folder:
        raised, optimized = f"{folder}/raised.onnx", f"{folder}/optimized.onnx"
        onnx.save(model, raised)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = optimized
        onnxruntime.InferenceSession(raised, options, providers=["CPUExecutionProvider"])
        model = onnx.shape_inference.infer_shapes(onnx.load(optimized))
    # Exporters also tell the shapes of weights; quantize_dynamic transposes weights of Gemm and then finds those wrong.
    constant = {i.name for i in model.graph.initializer}
    for value in [v for v in model.graph.value_info if v.name in constant]:
        model.graph.value_info.remove(value)
    add_pre_process_metadata(model)
    onnx.save(model, prepared_path)


def session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(path, arrays):
    """All outputs over all samples, by name."""
    runner, feeds, rows = session(path), Samples(arrays), []
    while (feed := feeds.get_next()) is not None:
        rows.append(runner.run(None, feed))
    return {output.name: np.concatenate(parts) for output, parts in zip(runner.get_outputs(), zip(*rows))}


def quantize(prepared_path, output_path, method, samples, activations):
    name, _, percentile = method.partition(":")
    options = {"CalibTensorRangeSymmetric": False}
    if percentile:
        options["CalibPercentile"] = float(percentile)
    quantize_static(
        prepared_path,
        output_path,
        samples,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=activations,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax if name == "minmax" else CalibrationMethod.Percentile,
        extra_options=options,
    )


def sqnr_db(reference, got):
    reference, got = reference.astype(np.float64), got.astype(np.float64)
    noise = np.square(reference - got).sum()
    return round(float(10 * np.log10(np.square(reference).sum() / noise)), 3) if noise > 0 else None


def task_figures(outputs, labels):
    """Top-1 for one label a sample, pixel accuracy and Dice per class for one label a pixel; of the first output."""
    if labels is None:
        return {}
    guess = next(iter(outputs.values())).argmax(axis=1)
    if labels.ndim == 1:
        return {"top1": round(100 * float((guess.reshape(len(labels)) == labels).mean()), 3)}
    classes = range(int(labels.max()) + 1)
    dice = [2 * ((guess == c) & (labels == c)).sum() / ((guess == c).sum() + (labels == c).sum()) for c in classes]
    return {"pixelAccuracy": round(100 * float((guess == labels).mean()), 3), "dice": [round(float(d), 5) for d in dice]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("calibration")
    parser.add_argument("evaluation", nargs="?")
    parser.add_argument("--keep", type=Path, help="folder that gets <method>.onnx and prepared.onnx")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--activations", choices=ACTIVATIONS, default="uint8")
    parser.add_argument("--stacked", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    names = [value.name for value in session(args.model).get_inputs()]
    calibration, _ = load_arrays(args.calibration, names)
    evaluation, labels = load_arrays(args.evaluation, names) if args.evaluation else (None, None)
    figures = {}
    if evaluation is not None:
        reference = run(args.model, evaluation)
        figures["float"] = {**task_figures(reference, labels), "bytes": os.path.getsize(args.model)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        prepared = str(folder / "prepared.onnx")
        prepare(args.model, prepared)
        if evaluation is not None:
            raised = run(prepared, {name: array[:8] for name, array in evaluation.items()})
            figures["prepared"] = {"sqnrDb": {name: sqnr_db(reference[name][: len(raised[name])], raised[name]) for name in raised}}
        for method in args.methods.split(","):
            output = str(folder / f"{method.replace(':', '-')}.onnx")
            start = time.perf_counter()
            # The calibrator chats on standard output, which is for the figures.
            with contextlib.redirect_stdout(sys.stderr):
                quantize(prepared, output, method, Samples(calibration, args.stacked), ACTIVATIONS[args.activations])
            seconds = time.perf_counter() - start
            figures[method] = {"bytes": os.path.getsize(output), "seconds": round(seconds, 1)}
            if evaluation is not None:
                outputs = run(output, evaluation)
                sqnr = {name: sqnr_db(reference[name], outputs[name]) for name in outputs}
                figures[method] = {"sqnrDb": sqnr, **task_figures(outputs, labels), **figures[method]}
            print(method, figures[method], file=sys.stderr)
    print(json.dumps(figures, indent=1))


main()
