import { InputError, throwIfCancelled } from '../errors';
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, NodeRef, Scope } from '../graph/types';
import { bytesOf } from '../onnx/build';
import { MemoryPayload } from '../onnx/payload';
import { derive } from '../onnx/origin';
import { DataType, type Model } from '../onnx/types';
import { schemeOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { computeQuantParams } from '../quant/affine';
import { integerType } from '../quant/integerTypes';
import { codebookKind, type LayerScheme, type QuantParams, type Range } from '../quant/scheme';
import type { WeightFormat } from '../quant/weights';
import { biasOf, biasPerChannel } from './bias';
import { CodebookWriter, fitConstant, measureCodebook } from './codebookWriter';
import { GraphChanges } from './graphChanges';
import {
  codesPayload,
  measureConstant,
  quantizeBias,
  quantizeConstant,
  type QuantizedConstant,
  weightAxis,
} from './layerWeights';
import { clippingBounds, isPassThrough } from './operators';
import type { Placement, StaticLayer } from './placement';
import { clipsWithin, type ParamNames, QdqWriter } from './qdq';
import type { Rewritten, RewrittenLayer } from './rewrite';

/** Carries out a placement on the graph that it was made for. */
export async function quantizeGraph(
  index: GraphIndex,
  placement: Placement,
  plan: Plan,
  ranges: ReadonlyMap<string, Range>,
  work: Work,
): Promise<Rewritten> {
  const main = index.main;
  if (!main) return { model: index.model, layers: [], notes: placement.notes.sentences() };
  return new Quantizer(index, main, placement, plan, ranges).run(work);
}

class Quantizer {
  private readonly changes: GraphChanges;
  private readonly writer: QdqWriter;
  private readonly codebooks: CodebookWriter;
  private readonly params = new Map<string, QuantParams>();
  /** Constants already stored, by their format: layers that share a weight share its codes. */
  private readonly stored = new Map<WeightFormat, string>();
  private readonly results = new Map<NodeRef, RewrittenLayer>();

  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly placement: Placement,
    private readonly plan: Plan,
    private readonly ranges: ReadonlyMap<string, Range>,
  ) {
    this.changes = new GraphChanges(index.model);
    this.writer = new QdqWriter(index, main, this.changes);
    this.codebooks = new CodebookWriter(index, this.changes);
  }

  async run({ signal, onProgress }: Work): Promise<Rewritten> {
    const names = this.addActivationParams();
    for (const [producer, clip] of this.placement.clips) this.absorbClip(producer, clip);
    this.addPairs(names);
    await this.quantizeOperands();
    const { layers: staticLayers, weightOnly, allLayers } = this.placement;
    const jobs = new Map([
      ...staticLayers.map((each) => [each.layer, () => this.quantizeLayer(each)] as const),
      ...weightOnly.map((layer) => [layer, () => this.quantizeWeightOnly(layer)] as const),
    ]);
    // In the order of the file: a weight that several layers share is stored before the first of them.
    let done = 0;
    for (const layer of allLayers) {
      const run = jobs.get(layer);
      if (!run) continue;
      throwIfCancelled(signal);
      onProgress?.(done++, jobs.size, `Quantizing ${layer.name}`);
      await naming(layer.name, run);
    }
    this.writer.finish();
    const layers = allLayers.map((layer) => this.results.get(layer.ref) ?? keptFloat(layer));
    return { model: this.changedModel(), layers, notes: this.placement.notes.sentences() };
  }

  private changedModel(): Model {
    const model = this.changes.apply();
    const irVersion = Math.max(model.irVersion, this.codebooks.leastIrVersion);
    return irVersion === model.irVersion ? model : derive(model, { irVersion });
  }

  private addActivationParams(): Map<string, ParamNames> {
    const names = new Map<string, ParamNames>();
    const type = this.plan.activationType;
    for (const { rangeOf } of this.placement.tensors.values()) {
      if (names.has(rangeOf)) continue;
      const params = computeQuantParams(this.rangeFor(rangeOf), type, { symmetric: false });
      this.params.set(rangeOf, params);
      names.set(rangeOf, this.writer.addParams(rangeOf, params, type));
    }
    return names;
  }

  /** The calibrated range of a value, or of the value that pass-through operators made it from. */
  private rangeFor(value: string): Range {
    for (let at = value; ;) {
      const range = this.placement.fixedRanges.get(at) ?? this.ranges.get(at);
      if (range) return range;
      const producer = this.index.producer(this.main, at);
      if (!producer || !isPassThrough(this.index, producer)) break;
      at = producer.node.input[0] ?? '';
    }
    throw new InputError(
      `There is no calibrated range for the tensor ${value}. Calibrate the model again with this plan.`,
    );
  }

  /** Scale and zero point of a quantized tensor. */
  private paramsOf(value: string): QuantParams | undefined {
    return this.params.get(this.placement.tensors.get(value)?.rangeOf ?? '');
  }

  private absorbClip(producer: NodeRef, clip: NodeRef): void {
    const bounds = clippingBounds(this.index, clip);
    const params = this.paramsOf(clip.node.output[0] ?? '');
    if (bounds && params && clipsWithin(params, this.plan.activationType, bounds)) {
      this.writer.absorb(clip, producer);
    }
  }

  private addPairs(names: ReadonlyMap<string, ParamNames>): void {
    const readers = new Map<string, Set<NodeRef>>();
    for (const { layer, dataInput } of this.placement.layers) {
      const value = layer.ref.node.input[dataInput] ?? '';
      readers.set(value, (readers.get(value) ?? new Set()).add(layer.ref));
    }
    for (const tensor of this.placement.tensors.values()) {
      const params = names.get(tensor.rangeOf);
      if (params) this.writer.addPair(tensor, params, readers.get(tensor.value) ?? new Set());
    }
  }

  /** Constant operands of `auto` nodes: 8-bit in the activations' type, one scale. */
  private async quantizeOperands(): Promise<void> {
    for (const { ref, position } of this.placement.constants) {
      const value = ref.node.input[position] ?? '';
      const constant = this.index.constant(ref.scope, value);
      if (!constant) continue;
      await naming(ref.name, async () => {
        const quantized = await quantizeConstant(constant.tensor, this.plan.activationType, {
          axis: undefined,
          symmetric: false,
        });
        // A layer further up may read the same codes.
        this.writer.setInput(ref.node, position, this.store(value, 'several', quantized));
      });
    }
  }

  private async quantizeLayer({ layer, weightInput, dataInput }: StaticLayer): Promise<void> {
    const { ref, weight } = layer;
    if (!weight) return;
    const axis = weightAxis(ref.node, weightInput, weight.tensor.dims.length);
    // A left operand stands where the kernels expect the activation, so it takes the activation's format.
    const quantized =
      weightInput === 0
        ? await quantizeConstant(weight.tensor, this.plan.activationType, { axis, symmetric: false })
        : await quantizeConstant(weight.tensor, 'int8', { axis, symmetric: true });
    const source = ref.node.input[dataInput] ?? '';
    const inputParams = this.paramsOf(source);
    if (!inputParams) throw new Error(`${layer.name}: its input has no parameters`);
    const { format, biasBytes } = await this.quantizeLayerBias(layer, quantized, inputParams.scale);
    const final = { ...quantized, format };
    this.writer.setInput(ref.node, weightInput, this.store(weight.name, ref, final));
    this.results.set(ref, describe(layer, 'w8a8', final, biasBytes));
  }

  private async quantizeLayerBias(
    layer: Layer,
    { format }: QuantizedConstant,
    inputScale: number,
  ): Promise<{ format: WeightFormat; biasBytes: number }> {
    const { ref } = layer;
    const bias = biasOf(this.index, ref, outputChannels(layer));
    if (bias.kind === 'none') return { format, biasBytes: 0 };
    if (bias.kind === 'other') {
      this.placement.notes.add(layer.name, 'The bias is not a constant per channel; it stays float.');
      return { format, biasBytes: 0 };
    }
    const channels = outputChannels(layer) ?? elementCount(bias.tensor.dims);
    const values = await biasPerChannel(bias.tensor, channels);
    const quantized = quantizeBias(values, inputScale, format);
    if (!quantized) {
      this.placement.notes.add(
        layer.name,
        'The bias is too large for 32 bits in steps of the weights. It stays float, and the layer will not run on integers.',
      );
      return { format, biasBytes: 4 * values.length };
    }
    const { codes, scales } = quantized;
    const result = this.writer.addConstant(bias.value, ref, {
      codes: { dataType: DataType.INT32, dims: [channels], payload: new MemoryPayload(bytesOf(codes)) },
      scales: Array.from(scales),
      zeroPoints: { dataType: DataType.INT32, values: new Array<number>(scales.length).fill(0) },
      axis: scales.length > 1 ? 0 : undefined,
    });
    this.writer.setInput(ref.node, 2, result);
    return { format: quantized.weightFormat, biasBytes: 4 * channels + 8 * scales.length };
  }

  private async quantizeWeightOnly(layer: Layer): Promise<void> {
    const { ref, weight } = layer;
    if (!weight) return;
    const axis = weightAxis(ref.node, weight.inputIndex, weight.tensor.dims.length);
    const scheme = schemeOf(this.plan, layer.name, true);
    const biasBytes = layer.bytes - 4 * elementCount(weight.tensor.dims);
    const kind = codebookKind(scheme);
    if (kind) {
      const constant = await fitConstant(weight.tensor, kind, axis);
      this.writer.setInput(ref.node, weight.inputIndex, this.codebooks.add(weight.name, ref, constant));
      if (this.codebooks.wastesBits(constant)) {
        this.placement.notes.add(
          layer.name,
          'The indices take 8 bits each in the file: below opset 21 there is no type of 4 bits.',
        );
      }
      this.results.set(ref, {
        name: layer.name,
        scheme,
        bits: Math.ceil(Math.log2(kind.entries)),
        signed: false,
        granularity: constant.fitted.scales ? 'per-channel' : 'per-tensor',
        bytesBefore: layer.bytes,
        bytesAfter: this.codebooks.bytesOf(constant) + biasBytes,
        measureWeight: () => measureCodebook(constant),
      });
      return;
    }
    const quantized = await quantizeConstant(weight.tensor, 'int8', { axis, symmetric: true });
    this.writer.setInput(ref.node, weight.inputIndex, this.store(weight.name, ref, quantized));
    this.results.set(ref, describe(layer, scheme, quantized, biasBytes));
  }

  /** Stores a constant once per format; @returns the value that stands for it. */
  private store(value: string, reader: NodeRef | 'several', quantized: QuantizedConstant): string {
    const known = this.stored.get(quantized.format);
    if (known !== undefined) return known;
    const { format, tensor, axis } = quantized;
    const { dataType } = integerType(format.type);
    const name = this.writer.addConstant(value, reader, {
      codes: { dataType, dims: tensor.dims, payload: codesPayload(quantized) },
      scales: format.params.map(({ scale }) => scale),
      zeroPoints: { dataType, values: format.params.map(({ zeroPoint }) => zeroPoint) },
      axis,
    });
    this.stored.set(format, name);
    return name;
  }
}

/** Says which node an error is about. */
async function naming(node: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${node}: ${error.message}`);
    throw error;
  }
}

/** Output channels as the weight tells them: a left operand does not. */
function outputChannels({ ref, weight }: Layer): number | undefined {
  if (!weight) return undefined;
  const axis = weightAxis(ref.node, weight.inputIndex, weight.tensor.dims.length);
  return axis === undefined ? undefined : weight.tensor.dims[axis];
}

function elementCount(dims: readonly number[]): number {
  return dims.reduce((count, size) => count * size, 1);
}

function describe(
  layer: Layer,
  scheme: LayerScheme,
  quantized: QuantizedConstant,
  biasBytes: number,
): RewrittenLayer {
  const { format, tensor } = quantized;
  const { bits, signed } = integerType(format.type);
  return {
    name: layer.name,
    scheme,
    bits,
    signed,
    granularity: quantized.axis === undefined ? 'per-tensor' : 'per-channel',
    bytesBefore: layer.bytes,
    bytesAfter: (elementCount(tensor.dims) * bits) / 8 + 5 * format.params.length + biasBytes,
    measureWeight: () => measureConstant(quantized),
  };
}

function keptFloat({ name, bytes, weight }: Layer): RewrittenLayer {
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
