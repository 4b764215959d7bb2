import { formatOf } from '../plan/editPlan';
import { withCodes } from './chosenCodes';
import { ConstantStore } from './constantStore';
import { integerResult } from './layerResult';
import { quantizeConstant } from './layerWeights';
import type { StaticLayer } from './placement';
import type { RewriteContext } from './rewriteContext';
import type { RewrittenLayer } from './rewrite';
import { StaticActivations } from './staticActivations';
import { StaticBiases } from './staticBiases';
import { staticWeight } from './staticWeight';

/** Writes what computes on integers: activation pairs, constant operands, and the weight and bias of static layers. */
export class StaticLayers {
  private readonly store: ConstantStore;
  private readonly activations: StaticActivations;
  private readonly biases: StaticBiases;

  constructor(private readonly context: RewriteContext) {
    this.store = new ConstantStore(context.writer);
    this.activations = new StaticActivations(context, this.store);
    this.biases = new StaticBiases(context, this.activations);
  }

  /** IR version that the written biases need; 0 when any will do. */
  get leastIrVersion(): number {
    return this.biases.leastIrVersion;
  }

  /** Everything but the layers' weights and biases. To be called first. */
  addActivations(): Promise<void> {
    return this.activations.add();
  }

  /** Weight and bias of one layer. @throws InputError */
  async quantizeLayer(planned: StaticLayer): Promise<RewrittenLayer | undefined> {
    const { layer, scheme, inputType, weightInput, dataInput } = planned;
    const { ref, weight, name } = layer;
    if (!weight) return undefined;
    const { plan, placement, writer, readValues, weightChoices } = this.context;
    const { axis, type, options } = staticWeight(planned, plan);
    if (formatOf(plan, name).granularity === 'channel' && axis === undefined) {
      placement.notes.add(name, 'Its weight has one scale: the integer kernel takes none per channel there.');
    }
    const nearest = await quantizeConstant(weight.tensor, type, { axis, ...options }, readValues);
    const codes = weightChoices.get(name)?.codes;
    const quantized = codes ? withCodes(nearest, codes) : nearest;
    const { params } = this.activations.params.of(ref.node.input[dataInput] ?? '', inputType);
    const { format, scheme: bias, bytes } = await this.biases.add(planned, quantized.format, params.scale);
    const final = { ...quantized, format };
    writer.setInput(ref.node, weightInput, this.store.store(weight.name, ref, final));
    return {
      ...integerResult(layer, scheme, final, bytes),
      range: options.rule ?? 'max',
      ...(bias !== undefined && { bias }),
    };
  }
}
