/** Models with the weight of one layer rounded, by code that shares nothing with the product. */
import onnxProto from 'onnx-proto';

const { ModelProto } = onnxProto.onnx;
type ModelProtoType = onnxProto.onnx.ModelProto;
type NodeProto = onnxProto.onnx.INodeProto;

/** Scale of a slice by its largest magnitude, and the codes there are: as ONNX Runtime's tool has them. */
const grids = {
  w8: { perMagnitude: 2 / 254, least: -128, most: 127, block: 0 },
  w4: { perMagnitude: 2 / 15, least: -8, most: 7, block: 0 },
  'w4,block:32': { perMagnitude: 2 / 15, least: -8, most: 7, block: 32 },
} as const;

export type RoundedFormat = keyof typeof grids;
export const roundedFormats = Object.keys(grids) as RoundedFormat[];

/** A model that is decoded once and encoded for each rounded layer. */
export class RoundableModel {
  private readonly model: ModelProtoType;

  constructor(bytes: Uint8Array) {
    this.model = ModelProto.decode(bytes);
  }

  /**
   * The model with one weight rounded; for a BatchNormalization behind the layer, as if it had been folded into the weight.
   * @param layer name of a Conv, ConvTranspose (one group) or Gemm; of an unnamed node `OPERATOR_POSITION`.
   */
  with(layer: string, format: RoundedFormat): Uint8Array {
    const tensor = this.tensorOf(this.nodeNamed(layer));
    const before = tensor.rawData;
    tensor.rawData = new Uint8Array(this.weightOf(layer, format).buffer);
    try {
      return ModelProto.encode(this.model).finish();
    } finally {
      tensor.rawData = before;
    }
  }

  /** The rounded weight alone. */
  weightOf(layer: string, format: RoundedFormat): Float32Array {
    const node = this.nodeNamed(layer);
    const { name, dims } = this.tensorOf(node);
    const values = this.floatsIn(name ?? '');
    const slices = slicesOf(node, (dims ?? []).map(Number), grids[format].block);
    round(values, slices, this.factorsBehind(node, slices.channels), format);
    return values;
  }

  private tensorOf({ name, input }: NodeProto): onnxProto.onnx.ITensorProto {
    const tensor = this.model.graph?.initializer?.find((each) => each.name === input?.[1]);
    if (!tensor) throw new Error(`${name ?? ''} has no stored weight`);
    return tensor;
  }

  /**
   * The output of a Gemm that another layer reads. With all layers static it is quantized; with only the Gemm, ONNX's pairs would
   * stop before it, because its integer kernel gives float32 sums. undefined: it is of another kind, or nothing like that reads it.
   */
  sharedSum(layer: string): string | undefined {
    const { opType, output } = this.nodeNamed(layer);
    const [value] = output ?? [];
    const isRead = this.model.graph?.node?.some(
      (node) => /^(Conv|ConvTranspose|Gemm|MatMul)$/.test(node.opType ?? '') && node.input?.[0] === value,
    );
    return isRead && /^(Gemm|MatMul)$/.test(opType ?? '') ? value : undefined;
  }

  private nodeNamed(layer: string): NodeProto {
    const nodes = this.model.graph?.node ?? [];
    const found = nodes.find(({ name, opType }, at) => (name ? name === layer : `${opType}_${at}` === layer));
    if (!found) throw new Error(`no node ${layer}`);
    return found;
  }

  private floatsIn(name: string): Float32Array {
    const tensor = this.model.graph?.initializer?.find((each) => each.name === name);
    if (tensor?.floatData && tensor.floatData.length > 0) return Float32Array.from(tensor.floatData);
    if (!tensor?.rawData) throw new Error(`no initializer ${name}`);
    return new Float32Array(Uint8Array.from(tensor.rawData).buffer);
  }

  /** Factors that a BatchNormalization behind a layer has per channel. */
  private factorsBehind(node: NodeProto, channels: number): Float64Array {
    const norm = this.model.graph?.node?.find(
      ({ opType, input }) => opType === 'BatchNormalization' && input?.[0] === node.output?.[0],
    );
    if (!norm) return new Float64Array(channels).fill(1);
    const epsilon = norm.attribute?.find(({ name }) => name === 'epsilon')?.f ?? 1e-5;
    const [gamma, variance] = [this.floatsIn(norm.input?.[1] ?? ''), this.floatsIn(norm.input?.[4] ?? '')];
    return Float64Array.from(gamma, (value, at) => value / Math.sqrt((variance[at] ?? 0) + epsilon));
  }
}

/** Which elements of a weight share a scale. */
interface Slices {
  readonly channels: number;
  channelOf(element: number): number;
  /** Unique for each scale. */
  sliceOf(element: number): number;
}

/**
 * One slice per output channel; with blocks, per run of inputs of an output channel: of a Conv through its window, of a
 * ConvTranspose and a Gemm along the input axis, elsewhere fixed. Channels shorter than a block have one.
 */
function slicesOf(node: NodeProto, dims: readonly number[], block: number): Slices {
  const [first = 1, second = 1] = dims;
  const window = dims.slice(2).reduce((product, size) => product * size, 1);
  const isTransposed =
    node.opType === 'ConvTranspose' ||
    (node.opType === 'Gemm' && !node.attribute?.some(({ name, i }) => name === 'transB' && Number(i) !== 0));
  if (isTransposed) {
    const channelOf = (at: number): number => Math.floor(at / window) % second;
    if (block === 0 || first < block) return { channels: second, channelOf, sliceOf: channelOf };
    const row = second * window;
    const sliceOf = (at: number): number => (at % row) + row * Math.floor(at / row / block);
    return { channels: second, channelOf, sliceOf };
  }
  const inputs = second * window;
  const channelOf = (at: number): number => Math.floor(at / inputs);
  if (block === 0 || inputs < block) return { channels: first, channelOf, sliceOf: channelOf };
  const blocks = Math.ceil(inputs / block);
  return {
    channels: first,
    channelOf,
    sliceOf: (at) => channelOf(at) * blocks + Math.floor((at % inputs) / block),
  };
}

function round(values: Float32Array, slices: Slices, factors: Float64Array, format: RoundedFormat): void {
  const { perMagnitude, least, most } = grids[format];
  const factorOf = (at: number): number => factors[slices.channelOf(at)] ?? 1;
  const folded = values.map((value, at) => value * factorOf(at));
  const largest = new Map<number, number>();
  folded.forEach((value, at) => {
    const slice = slices.sliceOf(at);
    largest.set(slice, Math.max(largest.get(slice) ?? 0, Math.abs(value)));
  });
  folded.forEach((value, at) => {
    const scale = Math.fround(perMagnitude * (largest.get(slices.sliceOf(at)) ?? 0));
    // A slice of zeros stays so.
    if (scale === 0) return;
    const code = Math.min(most, Math.max(least, halfToEven(Math.fround(value / scale))));
    values[at] = (code * scale) / factorOf(at);
  });
}

function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
