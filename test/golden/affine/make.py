"""Makes affine.json: scale, zero point and codes as ONNX Runtime's own quantizer computes them.

Every number comes from onnxruntime.quantization.quant_utils; this file only chooses the inputs. See ../README.md
for the format, the versions and how to run it.
"""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto
from onnxruntime.quantization import quant_utils as qu

TYPES = {
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "uint16": TensorProto.UINT16,
    "int16": TensorProto.INT16,
    "uint4": TensorProto.UINT4,
    "int4": TensorProto.INT4,
}
COLUMNS = {
    "perTensor": ["input", "type", "symmetric", "reduceRange", "scaleBits", "zeroPoint", "codes"],
    "ranges": ["minAndMax", "type", "symmetric", "reduceRange", "minimumRealRange", "scaleBits", "zeroPoint"],
    "givenScale": ["type", "scaleBits", "zeroPoint", "codes"],
    "blocked": ["weight", "axis", "block", "type", "symmetric", "scales", "zeroPoints", "codes"],
    "perChannel": ["weight", "type", "symmetric", "reduceRange", "scales", "zeroPoints", "codes", "packed"],
}
TINY = float(np.finfo(np.float32).tiny)


def f32(*values):
    return np.array(values, dtype=np.float32)


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def codes64(codes, type_name):
    """Little-endian codes; 4-bit codes stand one to a byte, sign-extended."""
    unpacked = {"uint4": np.uint8, "int4": np.int8}.get(type_name)
    return b64(codes.astype(unpacked) if unpacked else codes)


def bits(scale):
    value = np.asarray(scale)
    assert value.dtype == np.float32 and value.size == 1 and np.isfinite(value), value
    return f"{int(value.reshape(()).view(np.uint32)):08x}"


def make_inputs():
    """Name → float32 vector. The comments say what each one is after."""
    rng = np.random.default_rng(20240607)
    half_steps = np.arange(-255, 256, 2, dtype=np.float32)[::4] / 2
    return {
        # Quantized with a scale of a power of two, every second value lies on a tie: asymmetric uint8 (range 255 → scale 1).
        "ties-uint8": np.concatenate([f32(-127, 128), half_steps[np.abs(half_steps) <= 127]]),
        # Symmetric int8: ±127 → scale 1, every value a tie.
        "ties-int8": np.concatenate([f32(-127, 127), half_steps]),
        # Asymmetric range 15 and symmetric ±7 for the 4-bit types (symmetric int4 uses the full range: 2a/15).
        "ties-4bit": np.concatenate([f32(-7, 8), np.arange(-13, 16, 2, dtype=np.float32) / 2]),
        "ties-int4-symmetric": np.concatenate([f32(-7.5, 7.5), np.arange(-15, 16, 2, dtype=np.float32) / 2]),
        "negative-zero": f32(-0.0, 0.0, -0.3, 0.7, -1.1754944e-38, 1e-45, -1e-45),
        # zp = round(qmin - rmin/scale) with a tie in it: rmin/scale = k + 0.5.
        "zero-point-tie-even": f32(-1.5, 253.5, 0.25, 100.5),
        "zero-point-tie-odd": f32(-2.5, 252.5, 0.25, 100.5),
        # The float64 scale decides the zero point; the float32 one would give another on some of these.
        "thirds": f32(-1 / 3, 2 / 3, 0.1, 0.2, 0.3),
        "positive": f32(0.5, 3, 1, 2, 2.9999998),
        "negative": f32(-3, -0.5, -1, -2, -2.9999998),
        "range-minus1-3": f32(-1, 3, 0.5, 1.5, 2.5, -0.25),
        "all-zero": f32(0, 0, -0.0, 0),
        "constant": f32(2.5, 2.5, 2.5),
        "constant-negative": f32(-2.5, -2.5),
        "single": f32(0.1),
        "empty": f32(),
        # Ranges around the smallest normal float: scale falls to 1 below it.
        "tiny": f32(-1e-6, 0, -5e-7, -2.5e-7),
        "subnormal": f32(1e-40, -3e-41, 0, 5e-45),
        "scale-at-smallest-normal": f32(0, TINY * 255, TINY * 100),
        "scale-below-smallest-normal": f32(0, TINY * 254, TINY * 100),
        "huge": f32(-1.6e38, 1.7e38, 1e30, -3e37, 1),
        "one-outlier": np.concatenate([f32(1000), rng.normal(0, 0.01, 40).astype(np.float32)]),
        "normal": rng.normal(0, 1, 160).astype(np.float32),
        "normal-shifted": rng.normal(3, 0.5, 80).astype(np.float32),
        "relu": np.maximum(rng.normal(0, 1, 80), 0).astype(np.float32),
        "uniform-small": rng.uniform(-1e-3, 1e-3, 60).astype(np.float32),
    }


def per_tensor(inputs):
    for name, data in inputs.items():
        for type_name, onnx_type in TYPES.items():
            for symmetric in (False, True):
                for reduce_range in (False, True):
                    zero_point, scale, codes = qu.quantize_data(data, onnx_type, symmetric, reduce_range)
                    row = [name, type_name, symmetric, reduce_range]
                    yield row + [bits(scale), int(zero_point), codes64(codes, type_name)]


def ranges():
    """compute_scale_zp on given ranges, with and without a minimum range."""
    rng = np.random.default_rng(7)
    given = [(-1, 3), (0.5, 3), (-3, -0.5), (0, 0), (-0.0, 0.0), (0, 1), (-1e-6, 0), (-2e-5, 3e-5), (0, 6), (-0.37, 5.9999995)]
    given += [(-1.5, 253.5), (-2.5, 252.5), (0, TINY), (0, TINY * 255), (-1e38, 1.5e38), (0, 1.7e38), (-6, 6), (-0.278464, 12.5)]
    given += [tuple(pair) for pair in np.stack([-np.abs(rng.normal(0, 2, 10)), np.abs(rng.normal(0, 9, 10))], axis=1)]
    for low, high in given:
        rmin, rmax = np.array(low, np.float32), np.array(high, np.float32)
        for type_name, onnx_type in TYPES.items():
            for symmetric in (False, True):
                for reduce_range in (False, True):
                    for minimum in (None, 1e-4):
                        if minimum is not None and float(rmax) - float(rmin) > 1e-3:
                            continue
                        qmin, qmax = qu.get_qmin_qmax_for_qType(onnx_type, reduce_range, symmetric)
                        zero_point, scale = qu.compute_scale_zp(rmin, rmax, qmin, qmax, symmetric, minimum)
                        row = [b64(np.array([rmin, rmax])), type_name, symmetric, reduce_range, minimum]
                        yield row + [bits(np.asarray(scale, np.float32)), int(zero_point)]


def given_scale():
    """quantize_nparray with a scale and zero point of its own: ties, saturation, infinities."""
    values = np.concatenate(
        [
            np.arange(-20, 21, dtype=np.float32) / 2,
            f32(126.5, 127.5, 128.5, -127.5, -128.5, -129.5, 254.5, 255.5, 256.5, 32767.5, -32768.5, 65534.5, 65535.5),
            f32(-0.0, 1e-45, 3.4028235e38, -3.4028235e38, np.inf, -np.inf, 0.49999997, 0.50000006, -0.49999997),
            f32(8388609, 16777217, -8388609, 2147483648),
        ]
    )
    middle = {"uint8": 128, "int8": 0, "uint16": 32768, "int16": 0, "uint4": 8, "int4": 0}
    for type_name, onnx_type in TYPES.items():
        low, high = (int(v) for v in qu.get_qmin_qmax_for_qType(onnx_type))
        for zero_point in sorted({low, middle[type_name], middle[type_name] + 3, high}):
            for scale in (1.0, 0.5, 0.1, 1 / 3, 3.0):
                dtype = qu.ONNX_TYPE_TO_NP_TYPE[onnx_type]
                zp, s = np.array(zero_point, dtype=dtype), np.array(scale, np.float32)
                # inf / scale and saturating casts are what is tested here
                with np.errstate(over="ignore"):
                    codes = qu.quantize_nparray(onnx_type, values, s, zp)
                yield [type_name, bits(s), zero_point, codes64(codes, type_name)], values


def per_channel():
    """One scale and zero point to a slice, through quantize_data and quantize_onnx_initializer as the QDQ quantizer does."""
    rng = np.random.default_rng(11)
    conv = rng.normal(0, 1, (6, 3, 2, 2)).astype(np.float32) * f32(1, 10, 1e-3, 0, 1, 5)[:, None, None, None]
    conv[4] = np.abs(conv[4])
    conv[5] = -np.abs(conv[5])
    transposed = rng.normal(0, 0.2, (3, 4, 2, 2)).astype(np.float32)
    gemm = rng.normal(0.1, 0.3, (7, 5)).astype(np.float32)
    weights = [("conv", conv, 0), ("conv-transpose", transposed, 1), ("gemm", gemm, 1), ("gemm-transposed", gemm.T.copy(), 0)]
    tensors, cases = {}, []
    for name, weight, axis in weights:
        tensors[name] = {"shape": list(weight.shape), "axis": axis, "data": b64(weight)}
        for type_name, onnx_type in TYPES.items():
            for symmetric in (False, True):
                for reduce_range in (False, True):
                    zero_points, scales = [], []
                    for i in range(weight.shape[axis]):
                        zp, scale, _ = qu.quantize_data(weight.take(i, axis).ravel(), onnx_type, symmetric, reduce_range)
                        zero_points.append(np.asarray(zp))
                        scales.append(np.asarray(scale, np.float32))
                    initializer = qu.quantize_onnx_initializer(
                        onnx.numpy_helper.from_array(weight, name), onnx_type, np.array(zero_points), np.array(scales), axis
                    )
                    codes = onnx.numpy_helper.to_array(initializer)
                    packed = base64.b64encode(initializer.raw_data).decode("ascii") if type_name.endswith("4") else None
                    case = [name, type_name, symmetric, reduce_range, b64(np.array(scales, np.float32))]
                    cases.append(case + [[int(z) for z in zero_points], codes64(codes, type_name), packed])
    return tensors, cases


def blocked():
    """Blocks along either axis of a matrix, the last one shorter, through compute_scale_zp_blocked and quantize_onnx_initializer.

    The tool ignores the reduced range there, and takes matrices only.
    """
    rng = np.random.default_rng(13)
    matrix = rng.normal(0, 1, (20, 9)).astype(np.float32) * f32(1, 8, 1e-3, 1, 1, 0, 3, 1, 1)
    matrix[:, 3] = np.abs(matrix[:, 3])
    matrix[:8, 4] = -np.abs(matrix[:8, 4]) - 1
    matrix[5, 7] = 40
    tensors, cases = {"matrix": {"shape": list(matrix.shape), "data": b64(matrix)}}, []
    for axis, block in ((0, 8), (0, 16), (1, 4), (1, 16)):
        for type_name, onnx_type in TYPES.items():
            for symmetric in (False, True):
                zero_points, scales = qu.compute_scale_zp_blocked(matrix, onnx_type, axis, block, symmetric)
                initializer = qu.quantize_onnx_initializer(
                    onnx.numpy_helper.from_array(matrix, "matrix"), onnx_type, zero_points, scales, axis, block_size=block
                )
                codes = onnx.numpy_helper.to_array(initializer)
                row = ["matrix", axis, block, type_name, symmetric, b64(scales.astype(np.float32))]
                cases.append(row + [[int(z) for z in zero_points.ravel()], codes64(codes, type_name)])
    return tensors, cases


def lines(rows):
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"


def main():
    inputs = make_inputs()
    tensors, channel_cases = per_channel()
    block_tensors, block_cases = blocked()
    scaled = list(given_scale())
    header = {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__}
    parts = {
        "madeWith": json.dumps(header),
        "inputs": json.dumps({name: b64(data) for name, data in inputs.items()}, indent=0),
        "columns": json.dumps(COLUMNS),
        "perTensor": lines(per_tensor(inputs)),
        "ranges": lines(ranges()),
        "givenScaleValues": json.dumps(b64(scaled[0][1])),
        "givenScale": lines(case for case, _ in scaled),
        "blockedWeights": json.dumps(block_tensors, indent=0),
        "blocked": lines(block_cases),
        "weights": json.dumps(tensors, indent=0),
        "perChannel": lines(channel_cases),
    }
    text = "{\n" + ",\n".join(f'"{key}": {value}' for key, value in parts.items()) + "\n}\n"
    json.loads(text)
    Path(__file__).with_name("affine.json").write_text(text)


main()
