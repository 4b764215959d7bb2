import { InputError } from '../errors';
import type { Layer, NodeRef } from '../graph/types';
import { bytesOf } from '../onnx/build';
import { MemoryPayload } from '../onnx/payload';
import { elementCount } from '../onnx/tensor';
import { DataType } from '../onnx/types';
import { computeQuantParams } from '../quant/affine';
import type { QuantParams, Range } from '../quant/scheme';
import type { WeightFormat } from '../quant/weights';
import { biasOf, biasPerChannel } from './bias';
import { ConstantStore } from './constantStore';
import { integerResult, naming } from './layerResult';
import {
  outputChannels,
  quantizeBias,
  quantizeConstant,
  type QuantizedConstant,
  weightAxis,
} from './layerWeights';
import { clippingBounds, isPassThrough } from './operators';
import type { StaticLayer } from './placement';
import { clipsWithin, type ParamNames } from './qdq';
import type { RewriteContext } from './rewriteContext';
import type { RewrittenLayer } from './rewrite';

/** Writes what computes on integers: activation pairs, constant operands, and the weight and bias of static layers. */
export class StaticLayers {
  private readonly params = new Map<string, QuantParams>();
  private readonly store: ConstantStore;

  constructor(private readonly context: RewriteContext) {
    this.store = new ConstantStore(context.writer);
  }

  /** Everything but the layers' weights and biases. To be called first. */
  async addActivations(): Promise<void> {
    const names = this.addActivationParams();
    for (const [producer, clip] of this.context.placement.clips) this.absorbClip(producer, clip);
    this.addPairs(names);
    await this.quantizeOperands();
  }

  private addActivationParams(): Map<string, ParamNames> {
    const names = new Map<string, ParamNames>();
    const { placement, plan, writer } = this.context;
    const type = plan.activationType;
    for (const { rangeOf } of placement.tensors.values()) {
      if (names.has(rangeOf)) continue;
      const params = computeQuantParams(this.rangeFor(rangeOf), type, { symmetric: false });
      this.params.set(rangeOf, params);
      names.set(rangeOf, writer.addParams(rangeOf, params, type));
    }
    return names;
  }

  /** The calibrated range of a value, or of the value that pass-through operators made it from. */
  private rangeFor(value: string): Range {
    const { index, main, placement, ranges } = this.context;
    for (let at = value; ;) {
      const range = placement.fixedRanges.get(at) ?? ranges.get(at);
      if (range) return range;
      const producer = index.producer(main, at);
      if (!producer || !isPassThrough(index, producer)) break;
      at = producer.node.input[0] ?? '';
    }
    throw new InputError(
      `There is no calibrated range for the tensor ${value}. Calibrate the model again with this plan.`,
    );
  }

  /** Scale and zero point of a quantized tensor. */
  private paramsOf(value: string): QuantParams | undefined {
    return this.params.get(this.context.placement.tensors.get(value)?.rangeOf ?? '');
  }

  private absorbClip(producer: NodeRef, clip: NodeRef): void {
    const { index, plan, writer } = this.context;
    const bounds = clippingBounds(index, clip);
    const params = this.paramsOf(clip.node.output[0] ?? '');
    if (bounds && params && clipsWithin(params, plan.activationType, bounds)) writer.absorb(clip, producer);
  }

  private addPairs(names: ReadonlyMap<string, ParamNames>): void {
    const { placement, writer } = this.context;
    const readers = new Map<string, Set<NodeRef>>();
    for (const { layer, dataInput } of placement.layers) {
      const value = layer.ref.node.input[dataInput] ?? '';
      readers.set(value, (readers.get(value) ?? new Set()).add(layer.ref));
    }
    for (const tensor of placement.tensors.values()) {
      const params = names.get(tensor.rangeOf);
      if (params) writer.addPair(tensor, params, readers.get(tensor.value) ?? new Set());
    }
  }

  /** Constant operands of `auto` nodes: 8-bit in the activations' type, one scale. */
  private async quantizeOperands(): Promise<void> {
    const { index, placement, plan, writer, readValues } = this.context;
    for (const { ref, position } of placement.constants) {
      const value = ref.node.input[position] ?? '';
      const constant = index.constant(ref.scope, value);
      if (!constant) continue;
      await naming(ref.name, async () => {
        const options = { axis: undefined, symmetric: false };
        const quantized = await quantizeConstant(constant.tensor, plan.activationType, options, readValues);
        // A layer further up may read the same codes.
        writer.setInput(ref.node, position, this.store.store(value, 'several', quantized));
      });
    }
  }

  /** Weight and bias of one layer. @throws InputError */
  async quantizeLayer({ layer, weightInput, dataInput }: StaticLayer): Promise<RewrittenLayer | undefined> {
    const { ref, weight } = layer;
    if (!weight) return undefined;
    const { plan, writer, readValues } = this.context;
    const axis = weightAxis(ref.node, weightInput, weight.tensor.dims.length);
    // A left operand stands where the kernels expect the activation, so it takes the activation's format.
    const quantized =
      weightInput === 0
        ? await quantizeConstant(weight.tensor, plan.activationType, { axis, symmetric: false }, readValues)
        : await quantizeConstant(weight.tensor, 'int8', { axis, symmetric: true }, readValues);
    const source = ref.node.input[dataInput] ?? '';
    const inputParams = this.paramsOf(source);
    if (!inputParams) throw new Error(`${layer.name}: its input has no parameters`);
    const { format, biasBytes } = await this.quantizeLayerBias(layer, quantized, inputParams.scale);
    const final = { ...quantized, format };
    writer.setInput(ref.node, weightInput, this.store.store(weight.name, ref, final));
    return integerResult(layer, 'w8a8', final, biasBytes);
  }

  private async quantizeLayerBias(
    layer: Layer,
    { format }: QuantizedConstant,
    inputScale: number,
  ): Promise<{ format: WeightFormat; biasBytes: number }> {
    const { ref } = layer;
    const { index, placement, writer, readValues } = this.context;
    const bias = biasOf(index, ref, outputChannels(layer));
    if (bias.kind === 'none') return { format, biasBytes: 0 };
    if (bias.kind === 'other') {
      placement.notes.add(layer.name, 'The bias is not a constant per channel; it stays float.');
      return { format, biasBytes: 0 };
    }
    const channels = outputChannels(layer) ?? elementCount(bias.tensor);
    const values = await biasPerChannel(bias.tensor, channels, readValues);
    const quantized = quantizeBias(values, inputScale, format);
    if (!quantized) {
      placement.notes.add(
        layer.name,
        'The bias is too large for 32 bits in steps of the weights. It stays float, and the layer will not run on integers.',
      );
      return { format, biasBytes: 4 * values.length };
    }
    const { codes, scales } = quantized;
    const result = writer.addConstant(bias.value, ref, {
      codes: { dataType: DataType.INT32, dims: [channels], payload: new MemoryPayload(bytesOf(codes)) },
      scales: Array.from(scales),
      zeroPoints: { dataType: DataType.INT32, values: new Array<number>(scales.length).fill(0) },
      axis: scales.length > 1 ? 0 : undefined,
    });
    writer.setInput(ref.node, 2, result);
    return { format: quantized.weightFormat, biasBytes: 4 * channels + 8 * scales.length };
  }
}
