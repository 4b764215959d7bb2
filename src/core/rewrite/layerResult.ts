import { InputError } from '../errors';
import type { Layer } from '../graph/types';
import { integerType } from '../quant/integerTypes';
import type { LayerScheme } from '../quant/scheme';
import { elementCount } from '../onnx/tensor';
import { measureConstant, type QuantizedConstant } from './layerWeights';
import type { RewrittenLayer } from './rewrite';

/** What became of a layer whose weight is stored as integers. @param biasBytes stored bytes of its bias. */
export function integerResult(
  layer: Layer,
  scheme: LayerScheme,
  quantized: QuantizedConstant,
  biasBytes: number,
): RewrittenLayer {
  const { format, tensor, chosen } = quantized;
  const { bits, signed } = integerType(format.type);
  return {
    name: layer.name,
    scheme,
    bits,
    signed,
    granularity: quantized.axis === undefined ? 'per-tensor' : 'per-channel',
    ...(chosen?.rounding && { rounding: chosen.rounding }),
    bytesBefore: layer.bytes,
    bytesAfter: (elementCount(tensor) * bits) / 8 + 5 * format.params.length + biasBytes,
    measureWeight: (countUnique) => measureConstant(quantized, countUnique),
  };
}

export function keptFloat({ name, bytes, weight }: Layer): RewrittenLayer {
  const stored = weight?.dtype ?? 'float';
  return {
    name,
    scheme: 'float',
    bits: storedBits(stored),
    signed: !stored.startsWith('u'),
    granularity: 'per-tensor',
    bytesBefore: bytes,
    bytesAfter: bytes,
    measureWeight: async () => null,
  };
}

/** Bits of one element of a type by its name: float16 → 16. */
function storedBits(dtype: string): number {
  if (dtype === 'float') return 32;
  if (dtype === 'double') return 64;
  return Number(/^[a-z]+(\d+)/.exec(dtype)?.[1] ?? 32);
}

/** Says which node an error is about. */
export async function naming<T>(node: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${node}: ${error.message}`);
    throw error;
  }
}
