import { attrInt } from '../../onnx/attributes';
import { elementCount, readFloat32 } from '../../onnx/tensor';
import type { Tensor } from '../../onnx/types';
import type { ActivationFormat, NumberRange, QuantizationDetails } from '../../results';
import type { GraphIndex } from '../graphIndex';
import { dataTypeFacts } from '../../onnx/dtype';
import type { Shapes } from '../shapes';
import type { Layer } from '../types';
import { type ActivationCodes, inputFormats, outputFormat } from './activationFormats';
import { type WeightFormat, weightFormatOf } from './weightFormat';

/** Entries of a codebook that are given; one of 8-bit indices has no more. */
const MOST_ENTRIES = 256;

type WeightedNode = Pick<Layer, 'ref' | 'weight'>;

/**
 * The formats of a row in numbers. Reads its scales, zero points and codebook, not its codes.
 * @throws OnnxFileError, or what the payload throws, when one of these cannot be read.
 */
export async function quantizationDetails(
  index: GraphIndex,
  shapes: Shapes,
  layer: WeightedNode,
): Promise<QuantizationDetails> {
  const format = weightFormatOf(index, shapes, layer);
  const output = outputFormat(index, shapes, layer.ref);
  return {
    layer: layer.ref.name,
    weight: format && layer.weight ? await weightDetails(format, layer) : null,
    inputs: await Promise.all(inputFormats(index, shapes, layer.ref).map(activationDetails)),
    output: output ? await activationDetails(output) : null,
  };
}

async function weightDetails(
  format: WeightFormat,
  layer: WeightedNode,
): Promise<QuantizationDetails['weight']> {
  const { stored, scale, zeroPoint, table } = format;
  const entries = table && [...(await readFloat32(table)).slice(0, MOST_ENTRIES)];
  return {
    ...stored,
    dtype: layer.weight?.dtype ?? '',
    scale: await rangeOf(scale),
    zeroPoint:
      stored.via === 'matmulnbits' ? await packedZeroPoints(zeroPoint, layer) : await zeroPoints(format),
    entries: entries?.every(Number.isFinite) ? entries : null,
  };
}

/** Without a stored zero point it is 0. Codebooks and half-precision numbers have none. */
async function zeroPoints({ stored, zeroPoint }: WeightFormat): Promise<NumberRange | null> {
  if (stored.via !== 'dequantize' && stored.via !== 'qlinear') return null;
  return zeroPoint ? rangeOf(zeroPoint) : ZERO;
}

const ZERO: NumberRange = { count: 1, min: 0, max: 0 };

/**
 * Zero points of a MatMulNBits: absent, they are half of the codes; as uint8 they are packed, each column padded to whole
 * bytes; else they are numbers like the scales.
 */
async function packedZeroPoints(
  tensor: Tensor | undefined,
  { ref, weight }: WeightedNode,
): Promise<NumberRange | null> {
  const bits = attrInt(ref.node, 'bits', 4);
  if (!tensor) {
    const middle = 2 ** (bits - 1);
    return { count: 1, min: middle, max: middle };
  }
  if (dataTypeFacts(tensor.dataType)?.isFloat || bits === 8) return rangeOf(tensor);
  if (bits < 1 || bits > 8) return null;
  const [rows = 0, columns = 0] = weight?.shape ?? [];
  const blocks = Math.ceil(rows / Math.max(1, attrInt(ref.node, 'block_size', 32)));
  const rowBytes = Math.ceil((blocks * bits) / 8);
  if (elementCount(tensor) !== columns * rowBytes) return null;
  const bytes = await readFloat32(tensor);
  const codes = Array.from({ length: columns * blocks }, (_, position) => {
    const start = (position % blocks) * bits;
    const at = Math.floor(position / blocks) * rowBytes + Math.floor(start / 8);
    const pair = (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
    return (pair >> (start % 8)) & (2 ** bits - 1);
  });
  return rangeOfNumbers(codes);
}

async function activationDetails({
  value,
  dtype,
  dynamic,
  scale,
  zeroPoint,
}: ActivationCodes): Promise<ActivationFormat> {
  return {
    value,
    dtype,
    dynamic,
    scale: await rangeOf(scale),
    zeroPoint: zeroPoint ? await rangeOf(zeroPoint) : scale ? ZERO : null,
  };
}

async function rangeOf(tensor: Tensor | undefined): Promise<NumberRange | null> {
  return tensor ? rangeOfNumbers(await readFloat32(tensor)) : null;
}

/** null for no numbers, and where one is not finite. */
function rangeOfNumbers(values: ArrayLike<number>): NumberRange | null {
  let min = Infinity;
  let max = -Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? NaN;
    if (!Number.isFinite(value)) return null;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return values.length > 0 ? { count: values.length, min, max } : null;
}
