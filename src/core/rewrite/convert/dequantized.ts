import { makeTensor } from '../../onnx/build';
import { encodeFloat16 } from '../../onnx/floats';
import { ComputedPayload } from '../../onnx/payload';
import { elementCount, rawBytes, readFloat32 } from '../../onnx/tensor';
import { DataType, type Tensor } from '../../onnx/types';
import { collectable, lazyFloatTensor } from '../lazyTensor';

/** How stored codes become numbers: value = (code - zeroPoint)·scale·factors, each per tensor, along an axis or in blocks. */
export interface Codes {
  readonly codes: Tensor;
  readonly scale: Tensor;
  readonly zeroPoint?: Tensor;
  /** Where scales stand when there are several; negative counts from the end. */
  readonly axis?: number;
  /** Elements along the axis that share a scale; absent: one scale per slice. */
  readonly blockSize?: number;
  /** Scales of one element that are multiplied in: those of the other operand, for a bias. */
  readonly factors?: readonly Tensor[];
  readonly alpha?: number;
}

/**
 * The numbers behind codes, computed when they are read: float16 where the scale is, float32 otherwise. Differences
 * are exact and rounded once, as DequantizeLinear does.
 * @throws OnnxFileError when it is read and the tensors do not fit
 */
export function dequantized(name: string, stored: Codes): Tensor {
  return floatConstant(name, stored.scale.dataType, stored.codes.dims, () => decode(stored));
}

/** A constant of a float type, computed when it is read. */
export function floatConstant(
  name: string,
  dataType: number,
  dims: readonly number[],
  compute: () => Promise<Float32Array>,
): Tensor {
  if (dataType !== (DataType.FLOAT16 as number)) return lazyFloatTensor(name, dims, compute);
  const bytes = collectable(async () => {
    const bits = Uint16Array.from(await compute(), encodeFloat16);
    return new Uint8Array(bits.buffer);
  });
  const byteLength = 2 * elementCount({ name, dims });
  return makeTensor(name, DataType.FLOAT16, dims, new ComputedPayload(byteLength, bytes));
}

async function decode({
  codes,
  scale,
  zeroPoint,
  factors = [],
  alpha = 1,
  ...layout
}: Codes): Promise<Float32Array> {
  const values = await readCodes(codes);
  const scales = await readFloat32(scale);
  const zeroPoints = zeroPoint ? await readCodes(zeroPoint) : new Float32Array(1);
  let common = alpha;
  for (const factor of factors) common *= (await readFloat32(factor))[0] ?? 1;
  const slice = sliceOf(codes.dims, scale.dims, scales.length, layout);
  const result = new Float32Array(values.length);
  for (let i = 0; i < result.length; i++) {
    const at = slice(i);
    const zero = zeroPoints[zeroPoints.length === 1 ? 0 : at] ?? 0;
    result[i] = ((values[i] ?? 0) - zero) * (common * (scales[scales.length === 1 ? 0 : at] ?? 0));
  }
  return result;
}

/** Exact also for int32, which float32 would round. */
async function readCodes(tensor: Tensor): Promise<Float32Array | Int32Array> {
  if (tensor.dataType !== (DataType.INT32 as number)) return readFloat32(tensor);
  const bytes = new Uint8Array(await rawBytes(tensor));
  return new Int32Array(bytes.buffer);
}

/** Which scale belongs to an element. */
function sliceOf(
  dims: readonly number[],
  scaleDims: readonly number[],
  scales: number,
  { axis = 1, blockSize }: Pick<Codes, 'axis' | 'blockSize'>,
): (position: number) => number {
  if (scales === 1) return () => 0;
  const at = Math.min(axis < 0 ? axis + dims.length : axis, dims.length - 1);
  const inner = dims.slice(at + 1).reduce((product, size) => product * size, 1);
  const size = dims[at] ?? 1;
  if (!blockSize) return (position) => Math.floor(position / inner) % size;
  const blocks = scaleDims[at] ?? 1;
  return (position) => {
    const along = Math.floor(position / inner) % size;
    const outer = Math.floor(position / (inner * size));
    return (outer * blocks + Math.floor(along / blockSize)) * inner + (position % inner);
  };
}

/** The weight of MatMulNBits: codes of `bits` bits in blocks along the inputs, one row of blocks per output. */
export interface PackedMatrix {
  readonly codes: Tensor;
  readonly scales: Tensor;
  readonly zeroPoints?: Tensor;
  /** For each input, its group of scales; absent: its block. */
  readonly groups?: Tensor;
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: number;
  readonly blockSize: number;
}

/** The matrix [inputs, outputs] that MatMulNBits multiplies by. Without zero points the middle code means zero. */
export function unpackedMatrix(name: string, packed: PackedMatrix): Tensor {
  const { inputs, outputs } = packed;
  return floatConstant(name, packed.scales.dataType, [inputs, outputs], () => unpack(packed));
}

async function unpack({ inputs, outputs, bits, blockSize, ...tensors }: PackedMatrix): Promise<Float32Array> {
  const blocks = Math.ceil(inputs / blockSize);
  const codes = await rawBytes(tensors.codes);
  const scales = await readFloat32(tensors.scales);
  const zeroPoint = await readZeroPoints(tensors.zeroPoints, bits, blocks);
  const groups = tensors.groups && (await readCodes(tensors.groups));
  const rowBytes = blocks * Math.ceil((blockSize * bits) / 8);
  const result = new Float32Array(inputs * outputs);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      const group = groups?.[input] ?? Math.floor(input / blockSize);
      const code = bitsAt(codes, output * rowBytes, input, bits);
      const scale = scales[output * blocks + group] ?? 0;
      result[input * outputs + output] = (code - zeroPoint(output, group)) * scale;
    }
  }
  return result;
}

async function readZeroPoints(
  tensor: Tensor | undefined,
  bits: number,
  blocks: number,
): Promise<(output: number, group: number) => number> {
  if (!tensor) return () => 2 ** (bits - 1);
  if (tensor.dataType !== (DataType.UINT8 as number)) {
    const values = await readFloat32(tensor);
    return (output, group) => values[output * blocks + group] ?? 0;
  }
  const packed = await rawBytes(tensor);
  const rowBytes = Math.ceil((blocks * bits) / 8);
  return (output, group) => bitsAt(packed, output * rowBytes, group, bits);
}

/** Element `index` of a row of codes of 2, 4 or 8 bits, low bits first. */
function bitsAt(bytes: Uint8Array, start: number, index: number, bits: number): number {
  const perByte = 8 / bits;
  const byte = bytes[start + Math.floor(index / perByte)] ?? 0;
  return (byte >> (bits * (index % perByte))) & (2 ** bits - 1);
}

/** The values that indices name in a codebook of one axis, or each row of indices in a row of codebooks of two. */
export function lookedUp(name: string, codebook: Tensor, indices: Tensor): Tensor {
  return floatConstant(name, codebook.dataType, indices.dims, async () => {
    const tables = await readFloat32(codebook);
    const found = await readFloat32(indices);
    const isGrouped = codebook.dims.length > 1;
    const entries = codebook.dims.at(-1) ?? 1;
    const width = isGrouped ? (indices.dims[1] ?? 1) : found.length;
    return found.map((index, at) => {
      const entry = index < 0 ? index + entries : index;
      return tables[Math.floor(at / width) * entries + entry] ?? NaN;
    });
  });
}
