"""Makes mnist.json: what ONNX Runtime's QDQ quantizer stores for samples/mnist, ranges given.

Two models are quantized. "folded": BatchNormalization folded into the Conv before it (the folded weights stand in the
golden file; the Gemm weights are the sample's own). "raw": the sample as it is, BatchNormalization left float. See
../README.md for the format, the versions and how to run it.
"""

import base64
import hashlib
import json
import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "mnist"
OPS = ["Conv", "Gemm", "Relu", "MaxPool", "Reshape"]
TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# (activation type, activations symmetric, weight type, weights symmetric, per channel, reduce range)
VARIANTS = [
    (activation, symmetric, "int8", True, per_channel, False)
    for activation in ("uint8", "int8")
    for symmetric in (False, True)
    for per_channel in (False, True)
] + [
    ("uint8", False, "int8", False, False, False),
    ("uint8", False, "uint8", False, False, False),
    ("uint8", False, "uint8", True, False, False),
    ("uint8", False, "uint8", True, True, False),
    ("uint8", False, "int8", True, True, True),
]
# Tensors up to this many elements are stored whole, larger ones by hash and their first codes.
WHOLE = 512
FIRST = 48


class Samples(CalibrationDataReader):
    def __init__(self, images):
        self.rest = iter(images)

    def get_next(self):
        image = next(self.rest, None)
        return None if image is None else {"input": image[None]}


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def folded(model):
    """The model without BatchNormalization: w' = w * g, b' = (b - mean) * g + beta with g = gamma / sqrt(var + eps), in float64."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    for bn in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        conv = producers[bn.input[0]]
        gamma, beta, mean, var = (numpy_helper.to_array(constants[name]).astype(np.float64) for name in bn.input[1:])
        epsilon = next((a.f for a in bn.attribute if a.name == "epsilon"), 1e-5)
        gain = gamma / np.sqrt(var + epsilon)
        weight, bias = (numpy_helper.to_array(constants[name]).astype(np.float64) for name in conv.input[1:])
        new = {conv.input[1]: weight * gain[:, None, None, None], conv.input[2]: (bias - mean) * gain + beta}
        for name, value in new.items():
            constants[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
        for name in bn.input[1:]:
            graph.initializer.remove(constants[name])
        conv.output[0] = bn.output[0]
        graph.node.remove(bn)
    return model


def calibrate(path, cache):
    images = np.load(SAMPLE / "calibration.npz")["input"][:100]
    with tempfile.TemporaryDirectory() as folder:
        calibrator = create_calibrator(path, OPS, f"{folder}/augmented.onnx", CalibrationMethod.MinMax)
        calibrator.collect_data(Samples(images))
        tensors = calibrator.compute_data()
    save_tensors_data(tensors, cache)
    ranges = {}
    for name, tensor in sorted(tensors.items()):
        low, high = tensor.range_value
        assert low.dtype == high.dtype == np.float32
        ranges[name] = [float(low.item()), float(high.item())]
    return ranges


class Pool:
    """Arrays by number: the same codes or scales in several variants are kept once."""

    def __init__(self):
        self.entries = {}

    def add(self, array):
        array = np.ascontiguousarray(array)
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        entry = {"dtype": str(array.dtype), "length": array.size, "sha256": digest}
        if array.size <= WHOLE:
            entry["all"] = b64(array)
        else:
            entry["first"] = b64(array.ravel()[:FIRST])
        index, _ = self.entries.setdefault((str(array.dtype), digest), (len(self.entries), entry))
        return index


def describe(model, pool):
    """Activations and constants of a QDQ model: scale, zero point, and for constants the hash of the codes."""
    constants = {i.name: i for i in model.graph.initializer}
    value = {name: numpy_helper.to_array(i) for name, i in constants.items()}
    activations, weights = {}, {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            name = node.input[0].removesuffix("_QuantizeLinear_Input")
            scale, zero_point = value[node.input[1]], value[node.input[2]]
            assert scale.dtype == np.float32 and scale.size == 1
            bits = int(scale.reshape(()).view(np.uint32))
            activations[name] = {"scaleBits": f"{bits:08x}", "zeroPoint": int(zero_point.reshape(()))}
        if node.op_type == "DequantizeLinear" and node.input[0] in constants:
            name = node.input[0].removesuffix("_quantized")
            axis = next((a.i for a in node.attribute if a.name == "axis"), None)
            scale, zero_point = value[node.input[1]].reshape(-1), value[node.input[2]].reshape(-1)
            assert scale.dtype == np.float32
            assert (zero_point == zero_point[0]).all()
            codes = value[node.input[0]]
            weights[name] = {"axis": axis, "scales": pool.add(scale), "zeroPoint": int(zero_point[0]), "codes": pool.add(codes)}
    return activations, weights


def quantize(path, cache, variant):
    activation, activation_symmetric, weight, weight_symmetric, per_channel, reduce_range = variant
    with tempfile.TemporaryDirectory() as folder:
        quantize_static(
            path,
            f"{folder}/quantized.onnx",
            None,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPS,
            per_channel=per_channel,
            reduce_range=reduce_range,
            activation_type=TYPES[activation],
            weight_type=TYPES[weight],
            calibration_cache_path=cache,
            extra_options={"ActivationSymmetric": activation_symmetric, "WeightSymmetric": weight_symmetric},
        )
        return onnx.load(f"{folder}/quantized.onnx")


def main():
    logging.disable(logging.WARNING)
    sample = onnx.load(SAMPLE / "mnist_cnn.onnx")
    without_bn = folded(sample)
    pool, graphs = Pool(), {}
    with tempfile.TemporaryDirectory() as folder:
        for graph_name, model in {"raw": sample, "folded": without_bn}.items():
            path, cache = f"{folder}/{graph_name}.onnx", f"{folder}/{graph_name}.json"
            onnx.save(model, path)
            ranges = calibrate(path, cache)
            variants = []
            for variant in VARIANTS:
                activations, weights = describe(quantize(path, cache, variant), pool)
                keys = ("activationType", "activationSymmetric", "weightType", "weightSymmetric", "perChannel", "reduceRange")
                variants.append({**dict(zip(keys, variant)), "activations": activations, "weights": weights})
            graphs[graph_name] = {"ranges": ranges, "variants": variants}
    original = {i.name: i.raw_data for i in sample.graph.initializer}
    changed = [i for i in without_bn.graph.initializer if i.raw_data != original[i.name]]
    golden = {
        "madeWith": {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__},
        "foldedInitializers": {i.name: {"shape": list(i.dims), "data": b64(numpy_helper.to_array(i))} for i in changed},
        "graphs": graphs,
        "pool": [entry for _, entry in pool.entries.values()],
    }
    Path(__file__).with_name("mnist.json").write_text(dumps(golden))


def dumps(value, depth=0):
    """JSON with a line to each entry of the upper levels."""
    flat = isinstance(value, list) and not any(isinstance(v, (dict, list)) for v in value)
    if flat or depth == 5 or not isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, list):
        return "[\n" + ",\n".join(dumps(v, depth + 1) for v in value) + "\n]"
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {dumps(v, depth + 1)}" for k, v in value.items()) + "\n}"


main()
