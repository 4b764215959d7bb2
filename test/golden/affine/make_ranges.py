"""Makes ranges.json: activation ranges as ONNX Runtime's calibrators choose them. See ../README.md.

The inputs are formulas, so that the test computes them itself; float32 of a double.
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.quantization.calibrate import CalibrationMethod, HistogramCollector, create_calibrator

COUNT = 10000


def inputs():
    """Quantiles, in the order of a full cycle, so that equal parts of the array look alike."""
    i = np.arange(COUNT, dtype=np.float64)
    u = ((i * 3571) % COUNT + 0.5) / COUNT
    return {
        "growing-sine": np.sin(i) * i / 100,
        "laplace": np.where(u < 0.5, np.log(2 * u), -np.log(2 * (1 - u))),
        # Student's t with two degrees of freedom: a long tail on both sides.
        "long-tailed": (2 * u - 1) / np.sqrt(2 * u * (1 - u)),
        # Half of it zero, as a Relu leaves it.
        "rectified": np.maximum(0, -np.log(1 - u) - np.log(2)) ** 1.5,
        "mostly-positive": np.where(u < 0.2, -0.1 * u, -np.log(1 - u) ** 3),
    }


def collect(method, data, symmetric, percentile):
    collector = HistogramCollector(method, symmetric, 2048, 128, percentile, "same")
    with contextlib.redirect_stdout(io.StringIO()):
        collector.collect({"x": data})
        result = collector.compute_collection_result()
    return [float(v) for v in result["x"][:2]]


class Samples:
    def __init__(self, samples):
        self.left = iter(samples)

    def get_next(self):
        sample = next(self.left, None)
        return None if sample is None else {"x": sample}


def extremes(parts):
    """MinMax over samples, and with its moving average, of a value and of its Relu."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], "relu")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        for name, options in {"max": {}, "average": {"moving_average": True}}.items():
            augmented = str(Path(folder) / f"{name}.onnx")
            calibrator = create_calibrator(
                str(path), ["Relu"], augmented, CalibrationMethod.MinMax, False, None, options
            )
            calibrator.collect_data(Samples(parts))
            for value, data in calibrator.compute_data().items():
                low, high = data.range_value
                found.setdefault(value, {})[name] = [np.asarray(low).item(), np.asarray(high).item()]
    return found


def main():
    rows = {}
    # Percentiles that fall between the ranks of two values, so that rounding the sum of the counts decides nothing.
    for name, values in inputs().items():
        data = values.astype(np.float32)
        percentiles = [
            [symmetric, percent, *collect("percentile", data, symmetric, percent)]
            for symmetric in (False, True)
            for percent in (99.005, 99.905, 99.985)
        ]
        # Unequal samples: the first half, a quarter, the rest.
        parts = [data[: COUNT // 2], data[COUNT // 2 : COUNT * 3 // 4], data[COUNT * 3 // 4 :]]
        rows[name] = {
            "percentile": percentiles,
            "entropy": collect("entropy", data, False, 0),
            "samples": extremes(parts),
        }
    made = {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    columns = {"percentile": ["symmetric", "percent", "low", "high"]}
    text = f'{{\n"madeWith": {json.dumps(made)},\n"columns": {json.dumps(columns)},\n"ranges": {{\n{lines}\n}}\n}}\n'
    Path(__file__).with_name("ranges.json").write_text(text)


main()
