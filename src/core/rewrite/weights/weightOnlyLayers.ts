import type { Layer } from '../../graph/types';
import { elementCount } from '../../onnx/tensor';
import { schemeOf } from '../../plan/editPlan';
import { codebookKind } from '../../quant/scheme';
import { CodebookWriter, fitConstant, measureCodebook } from '../codebookWriter';
import { ConstantStore } from '../constantStore';
import { integerResult } from '../layerResult';
import { quantizeConstant, weightAxis } from '../layerWeights';
import type { RewriteContext } from '../rewriteContext';
import type { RewrittenLayer } from '../rewrite';

/** Writes the weights of layers that compute in float. */
export class WeightOnlyLayers {
  private readonly codebooks: CodebookWriter;
  private readonly store: ConstantStore;

  constructor(private readonly context: RewriteContext) {
    this.codebooks = new CodebookWriter(context.index, context.changes);
    this.store = new ConstantStore(context.writer);
  }

  /** IR version that the written weights need; 0 when any will do. */
  get leastIrVersion(): number {
    return this.codebooks.leastIrVersion;
  }

  /** Weight and bias of one layer. @throws InputError */
  async quantizeLayer(layer: Layer): Promise<RewrittenLayer | undefined> {
    const { ref, weight } = layer;
    if (!weight) return undefined;
    const { plan, placement, writer, readValues } = this.context;
    const axis = weightAxis(ref.node, weight.inputIndex, weight.tensor.dims.length);
    const scheme = schemeOf(plan, layer.name, true);
    const biasBytes = layer.bytes - 4 * elementCount(weight.tensor);
    const kind = codebookKind(scheme);
    if (kind) {
      const constant = await fitConstant(weight.tensor, kind, axis);
      writer.setInput(ref.node, weight.inputIndex, this.codebooks.add(weight.name, ref, constant));
      if (this.codebooks.wastesBits(constant)) {
        placement.notes.add(
          layer.name,
          'The indices take 8 bits each in the file: below opset 21 there is no type of 4 bits.',
        );
      }
      return {
        name: layer.name,
        scheme,
        bits: Math.ceil(Math.log2(kind.entries)),
        signed: false,
        granularity: constant.fitted.scales ? 'per-channel' : 'per-tensor',
        bytesBefore: layer.bytes,
        bytesAfter: this.codebooks.bytesOf(constant) + biasBytes,
        measureWeight: () => measureCodebook(constant),
      };
    }
    const quantized = await quantizeConstant(weight.tensor, 'int8', { axis, symmetric: true }, readValues);
    writer.setInput(ref.node, weight.inputIndex, this.store.store(weight.name, ref, quantized));
    return integerResult(layer, scheme, quantized, biasBytes);
  }
}
