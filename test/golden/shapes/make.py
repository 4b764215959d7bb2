"""Shapes and element types that onnx's own inference gives for the sample model, as an oracle for ours.
See ../README.md for how to run it.

The file's declarations (value_info, output types) are removed first, so that both sides must infer.
"""

import json
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "samples" / "mnist" / "mnist_cnn.onnx"


def inferred(batch: int | None) -> dict[str, list]:
    model = onnx.load(MODEL)
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.ClearField("type")
    if batch is not None:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    result = onnx.shape_inference.infer_shapes(model, data_prop=True)
    values = {}
    for value in [*result.graph.value_info, *result.graph.output]:
        tensor = value.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in tensor.shape.dim]
        values[value.name] = [tensor.elem_type, dims]
    return values


golden = {"onnx": onnx.__version__, "symbolic": inferred(None), "batch 3": inferred(3)}
Path(__file__).with_name("mnist.json").write_text(json.dumps(golden, indent=1) + "\n")
