"""The naive way to measure layers with ONNX Runtime's own Python tool: for each scheme and layer, quantize a model with only that
layer, load it and run the samples, and compare with the float model.

w8a8: static, uint8 activations, int8 weights per channel. w8a16: uint16 activations. w4a8: int4 weights. Ranges are taken anew
each time, as the tool has no other way. Prints JSON: {"candidates", "seconds"}: without starting Python and importing.
Usage: ort_layers.py MODEL CALIBRATION.npz SAMPLES.npz SAMPLE_COUNT [--schemes w8a8,w8a16,w4a8] [--layers N]
"""

import argparse
import contextlib
import json
import logging
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

TYPES = {
    "w8a8": (QuantType.QUInt8, QuantType.QInt8),
    "w8a16": (QuantType.QUInt16, QuantType.QInt8),
    "w4a8": (QuantType.QUInt8, QuantType.QInt4),
}


class Samples(CalibrationDataReader):
    def __init__(self, name, array):
        self.feeds = iter([{name: array[at : at + 1]} for at in range(len(array))])

    def get_next(self):
        return next(self.feeds, None)


def outputs(path, name, samples):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {name: samples[at : at + 1]})[0] for at in range(len(samples))])


def log_softmax(x):
    x = x.astype(np.float64)
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def divergence(reference, got):
    p, q = log_softmax(reference), log_softmax(got)
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("calibration")
    parser.add_argument("samples")
    parser.add_argument("count", type=int)
    parser.add_argument("--schemes", default="w8a8,w8a16,w4a8")
    parser.add_argument("--layers", type=int, default=None)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    start = time.perf_counter()
    graph = onnx.load(args.model).graph
    constants = {tensor.name for tensor in graph.initializer}
    name = next(value.name for value in graph.input if value.name not in constants)
    calibration = np.load(args.calibration)[name][: args.count]
    samples = np.load(args.samples)[name][: args.count]
    layers = [node.name for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")][: args.layers]
    reference = outputs(args.model, name, samples)
    candidates = []
    with tempfile.TemporaryDirectory() as folder:
        trial = f"{folder}/trial.onnx"
        for scheme in args.schemes.split(","):
            activation, weight = TYPES[scheme]
            for layer in layers:
                # The calibrator chats on standard output, which is for the figures.
                with contextlib.redirect_stdout(sys.stderr):
                    quantize_static(
                        args.model,
                        trial,
                        Samples(name, calibration),
                        quant_format=QuantFormat.QDQ,
                        per_channel=True,
                        activation_type=activation,
                        weight_type=weight,
                        nodes_to_quantize=[layer],
                    )
                candidates.append({"layer": layer, "scheme": scheme, "kl": divergence(reference, outputs(trial, name, samples))})
    print(json.dumps({"seconds": time.perf_counter() - start, "candidates": candidates}))


main()
