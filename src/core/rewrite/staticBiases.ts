import { attrInt } from '../onnx/attributes';
import { bytesOf } from '../onnx/build';
import { MemoryPayload } from '../onnx/payload';
import { elementCount } from '../onnx/tensor';
import { DataType } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { BiasScheme } from '../quant/layerFormat';
import type { WeightFormat } from '../quant/weights';
import { biasOf, biasPerChannel, type Bias } from './bias';
import { isEightBit } from './activationTypes';
import { ConstantSite } from './constantSite';
import { outputChannels, quantizeBias } from './layerWeights';
import { givesFloatSums } from './operators';
import { defaultOpset } from './opset';
import type { StaticLayer } from './placement';
import type { RewriteContext } from './rewriteContext';
import type { StaticActivations } from './staticActivations';
import type { EncodedWeight } from './weights/encodedWeight';
import { encodeBias } from './weights/encodeWeight';

/** What became of a bias. */
export interface StaticBias {
  /** Of the weight: dead channels take their scale from the bias. */
  readonly format: WeightFormat;
  /** undefined: there is none. */
  readonly scheme: BiasScheme | undefined;
  readonly bytes: number;
}

type ConstantBias = Extract<Bias, { readonly kind: 'constant' }>;

/** Writes the biases of layers that compute on integers. */
export class StaticBiases {
  private readonly stored = new Map<EncodedWeight, string>();
  private irVersion = 0;

  constructor(
    private readonly context: RewriteContext,
    private readonly activations: Pick<StaticActivations, 'protect'>,
  ) {}

  /** IR version that the written biases need; 0 when any will do. */
  get leastIrVersion(): number {
    return this.irVersion;
  }

  /**
   * As the layer's format says; int32 when it says nothing. A bias that 32 bits cannot hold stays float, and so does the layer:
   * the runtime would convert the bias without a look at its size.
   * @param inputScale of the layer's data.
   */
  async add(planned: StaticLayer, format: WeightFormat, inputScale: number): Promise<StaticBias> {
    const { layer, inputType, dataInput } = planned;
    const { ref, name, weight } = layer;
    const { index, placement, plan, readValues } = this.context;
    const channels = outputChannels(layer);
    const bias = biasOf(index, ref, channels);
    if (bias.kind === 'none') return { format, scheme: undefined, bytes: 0 };
    if (bias.kind === 'other') {
      placement.notes.add(name, 'The bias is not a constant per channel; it stays float.');
      return { format, scheme: 'float', bytes: 0 };
    }
    const values = await biasPerChannel(bias.tensor, channels ?? elementCount(bias.tensor), readValues);
    const floatBytes = 4 * elementCount(bias.tensor);
    // With groups, the scales of a ConvTranspose are those of its inputs, which may be as many.
    const isGrouped = ref.node.opType === 'ConvTranspose' && attrInt(ref.node, 'group', 1) !== 1;
    const isAligned = !isGrouped || format.params.length === 1;
    const quantized = isAligned ? quantizeBias(values, inputScale, format) : undefined;
    if (!quantized) {
      placement.notes.add(
        name,
        isAligned
          ? 'The bias is too large for 32 bits in steps of the weights. It stays float, and the layer will not run on integers.'
          : 'The bias stays float: the scales of the weight are not those of the output channels.',
      );
      if (weight && isAligned) this.activations.protect(ref, weight, dataInput, inputType);
      return { format, scheme: 'float', bytes: floatBytes };
    }
    const scheme = formatOf(plan, name).bias ?? 'int32';
    if (scheme !== 'int32') {
      // Layers of 16 bits compute in float anyway.
      if (isEightBit(inputType) && givesFloatSums(ref) && !placement.tensors.has(ref.node.output[0] ?? '')) {
        placement.notes.add(name, 'Its bias is not int32, so the runtime computes the layer in float.');
      }
      const bytes = scheme === 'float' ? floatBytes : await this.addTable(planned, bias, scheme);
      return { format, scheme, bytes };
    }
    const { codes, scales } = quantized;
    const result = this.context.writer.addConstant(bias.value, ref, {
      codes: { dataType: DataType.INT32, dims: [values.length], payload: new MemoryPayload(bytesOf(codes)) },
      scales: Array.from(scales),
      zeroPoints: { dataType: DataType.INT32, values: new Array<number>(scales.length).fill(0) },
      axis: scales.length > 1 ? 0 : undefined,
    });
    this.context.writer.setInput(ref.node, 2, result);
    return { format: quantized.weightFormat, scheme, bytes: 4 * values.length + 8 * scales.length };
  }

  /** Stores a bias as indices into a table; @returns the bytes it takes. */
  private async addTable(
    { layer: { ref, name } }: StaticLayer,
    { value, tensor }: ConstantBias,
    scheme: Exclude<BiasScheme, 'float' | 'int32'>,
  ): Promise<number> {
    const { index, changes, placement, writer, isDryRun } = this.context;
    const encoding = encodeBias(tensor, scheme, defaultOpset(index.model.opsetImport) ?? 0);
    if (!isDryRun) await encoding.fit();
    for (const note of encoding.notes) placement.notes.add(name, note);
    const stored =
      this.stored.get(encoding) ??
      encoding.store(new ConstantSite(index, changes, ref.scope, value), value, ref);
    this.stored.set(encoding, stored);
    this.irVersion = Math.max(this.irVersion, encoding.irVersion);
    writer.setInput(ref.node, 2, stored);
    return encoding.bytes;
  }
}
