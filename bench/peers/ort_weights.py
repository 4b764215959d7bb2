"""Quantizes the weights of a model to int8 with ONNX Runtime's own Python tool, the ways it has for models without data.

dynamic: quantize_dynamic per channel, the usual call with a path. core: the same quantizer without the shape inference that
quantize_dynamic does first (a file is written and read again for it). nbits: MatMulNBitsQuantizer, 8 bits in blocks of 128; nbits4: 4 bits
in blocks of 32; it takes MatMul only and leaves Conv and Gemm float. Prints JSON: {"seconds"}: without starting Python and importing.
Usage: ort_weights.py dynamic|core|nbits|nbits4 MODEL OUTPUT
"""

import argparse
import json
import logging
import time

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.quant_utils import QuantizationMode
from onnxruntime.quantization.registry import IntegerOpsRegistry


def dynamic(model, output):
    quantize_dynamic(model, output, per_channel=True, weight_type=QuantType.QInt8)


def core(model, output):
    """What quantize_dynamic does after its shape inference."""
    quantizer = ONNXQuantizer(
        onnx.load(model),
        per_channel=True,
        reduce_range=False,
        mode=QuantizationMode.IntegerOps,
        static=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=None,
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=list(IntegerOpsRegistry),
        extra_options={"MatMulConstBOnly": True},
    )
    quantizer.quantize_model()
    quantizer.model.save_model_to_file(output, False)


def nbits(model, output, bits=8, block_size=128):
    # Needs the package onnx_ir, which the other ways do not.
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(model), bits=bits, block_size=block_size, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(output, False)


def nbits4(model, output):
    nbits(model, output, bits=4, block_size=32)


WAYS = {"dynamic": dynamic, "core": core, "nbits": nbits, "nbits4": nbits4}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("model")
    parser.add_argument("output")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    start = time.perf_counter()
    WAYS[args.way](args.model, args.output)
    print(json.dumps({"seconds": round(time.perf_counter() - start, 2)}))


main()
