"""Golden values of every element type, by the packages onnx, ml_dtypes and numpy.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.1 ml_dtypes numpy
    venv/bin/python test/golden/tensors/make.py

Writes tensors.json beside this file: per type, TensorProto messages (base64) that hold the same elements in raw_data and
in the typed field, and the elements as decimal text; and float32 numbers with their nearest float16 and bfloat16 bits.
"""

import base64
import json
import math
import pathlib

import ml_dtypes
import numpy as np
from onnx import TensorProto, numpy_helper

CODES = {
    "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
    "FLOAT8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "FLOAT8E5M2": ml_dtypes.float8_e5m2,
    "FLOAT8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "FLOAT8E8M0": ml_dtypes.float8_e8m0fnu,
}
SUB_BYTE = {
    "FLOAT4E2M1": (ml_dtypes.float4_e2m1fn, 4),
    "UINT4": (ml_dtypes.uint4, 4),
    "INT4": (ml_dtypes.int4, 4),
    "UINT2": (ml_dtypes.uint2, 2),
    "INT2": (ml_dtypes.int2, 2),
}


def text(value) -> str:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return repr(value).replace("inf", "Infinity")
    return str(int(value))


def proto(tensor: TensorProto) -> str:
    return base64.b64encode(tensor.SerializeToString()).decode()


def forms(name: str, array: np.ndarray, typed_values) -> dict:
    kind = getattr(TensorProto, name)
    raw = numpy_helper.from_array(array, name)
    assert raw.data_type == kind, (name, raw.data_type)
    typed = TensorProto(name=name, data_type=kind, dims=array.shape)
    field, values = typed_values
    getattr(typed, field).extend(int(v) if isinstance(v, bool) else v for v in values)
    if "INT" in name or name == "BOOL":
        widened = array if array.dtype.kind in "iu" else array.astype(np.int64)
    else:
        widened = array if array.dtype == np.float64 else array.astype(np.float32)
    return {"raw": proto(raw), "typed": proto(typed), "values": [text(v) for v in widened.reshape(-1)]}


def packed_bytes(array: np.ndarray) -> list[int]:
    """raw_data as one integer per byte, as the typed field of sub-byte types holds it."""
    return list(numpy_helper.from_array(array).raw_data)


def main() -> None:
    types = {}
    for name, dtype in CODES.items():
        codes = np.arange(256, dtype=np.uint8)
        types[name] = forms(name, codes.view(dtype), ("int32_data", codes.tolist()))
    for name, (dtype, bits) in SUB_BYTE.items():
        # An odd count leaves the last byte padded.
        values = np.arange(2**bits) - (2 ** (bits - 1) if name.startswith("INT") else 0)
        if name == "FLOAT4E2M1":
            values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
        array = np.concatenate([values, values[1:2]]).astype(dtype)
        types[name] = forms(name, array, ("int32_data", packed_bytes(array)))

    halves = np.array(
        [0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3C00, 0xBC00, 0x3555, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00],
        dtype=np.uint16,
    )
    types["FLOAT16"] = forms("FLOAT16", halves.view(np.float16), ("int32_data", halves.tolist()))
    brains = np.array([0, 0x8000, 1, 0x7F, 0x80, 0x3F80, 0xBF81, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0], dtype=np.uint16)
    types["BFLOAT16"] = forms("BFLOAT16", brains.view(ml_dtypes.bfloat16), ("int32_data", brains.tolist()))

    def numbers(name: str, dtype, values, field: str) -> None:
        array = np.array(values, dtype=dtype)
        types[name] = forms(name, array, (field, array.tolist()))

    numbers("FLOAT", np.float32, [0, -0.0, 1.5, -2.25, 1e-45, 3.4028235e38, np.inf, -np.inf, np.nan], "float_data")
    numbers("DOUBLE", np.float64, [0, -0.0, 1.5, 0.1, 1e300, 5e-324, -np.inf, np.nan], "double_data")
    numbers("BOOL", np.bool_, [True, False, True], "int32_data")
    for bits, field in ((8, "int32_data"), (16, "int32_data"), (32, "int32_data"), (64, "int64_data")):
        info = np.iinfo(f"int{bits}")
        numbers(f"INT{bits}", info.dtype, [0, 1, -1, info.max, info.min], field)
    for bits, field in ((8, "int32_data"), (16, "int32_data"), (32, "uint64_data"), (64, "uint64_data")):
        info = np.iinfo(f"uint{bits}")
        numbers(f"UINT{bits}", info.dtype, [0, 1, info.max, info.max - 1], field)

    random = np.random.default_rng(20240607)
    floats = np.concatenate(
        [
            np.array([0, -0.0, 65504, 65519.996, 65520, -65520, 5.9604645e-08, 2.9802322e-08, 2.98023242e-08, 6.1035156e-05]),
            np.array([6.097555e-05, 1.0009765, 1.00048828125, 1.00146484375, np.inf, -np.inf, 3.3895314e38, 3.4028235e38]),
            random.normal(size=100) * 10.0 ** random.integers(-9, 6, size=100),
        ]
    ).astype(np.float32)
    with np.errstate(over="ignore"):
        half = floats.astype(np.float16).view(np.uint16)
    brain = floats.astype(ml_dtypes.bfloat16).view(np.uint16)
    rounding = {
        "values": [text(v) for v in floats],
        "float16": half.tolist(),
        "bfloat16": brain.tolist(),
    }
    path = pathlib.Path(__file__).with_name("tensors.json")
    path.write_text(json.dumps({"types": types, "rounding": rounding}, indent=1) + "\n")


main()
