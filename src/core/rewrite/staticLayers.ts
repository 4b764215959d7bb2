import type { Layer } from '../graph/types';
import { bytesOf } from '../onnx/build';
import { MemoryPayload } from '../onnx/payload';
import { elementCount } from '../onnx/tensor';
import { DataType } from '../onnx/types';
import type { WeightFormat } from '../quant/weights';
import { biasOf, biasPerChannel } from './bias';
import { ConstantStore } from './constantStore';
import { integerResult } from './layerResult';
import {
  outputChannels,
  quantizeBias,
  quantizeConstant,
  type QuantizedConstant,
  weightAxis,
} from './layerWeights';
import type { StaticLayer } from './placement';
import type { RewriteContext } from './rewriteContext';
import type { RewrittenLayer } from './rewrite';
import { StaticActivations } from './staticActivations';

/** Writes what computes on integers: activation pairs, constant operands, and the weight and bias of static layers. */
export class StaticLayers {
  private readonly store: ConstantStore;
  private readonly activations: StaticActivations;

  constructor(private readonly context: RewriteContext) {
    this.store = new ConstantStore(context.writer);
    this.activations = new StaticActivations(context, this.store);
  }

  /** Everything but the layers' weights and biases. To be called first. */
  addActivations(): Promise<void> {
    return this.activations.add();
  }

  /** Weight and bias of one layer. @throws InputError */
  async quantizeLayer(planned: StaticLayer): Promise<RewrittenLayer | undefined> {
    const { layer, scheme, inputType, weightInput, dataInput } = planned;
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
    const inputParams = this.activations.params.of(source, inputType).params;
    const { format, biasBytes } = await this.quantizeLayerBias(layer, quantized, inputParams.scale);
    const final = { ...quantized, format };
    writer.setInput(ref.node, weightInput, this.store.store(weight.name, ref, final));
    return integerResult(layer, scheme, final, biasBytes);
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
