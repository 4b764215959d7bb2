import { formatOf } from '../plan/editPlan';
import type { IntegerOptions } from '../quant/integerWeight';
import type { LayerFormat } from '../quant/layerFormat';
import type { IntegerTypeName } from '../quant/scheme';
import { isEightBit } from './activationTypes';
import { ConstantStore } from './constantStore';
import { integerResult } from './layerResult';
import { quantizeConstant, weightAxis } from './layerWeights';
import { hasIntegerKernel } from './operators';
import type { StaticLayer } from './placement';
import type { RewriteContext } from './rewriteContext';
import type { RewrittenLayer } from './rewrite';
import { StaticActivations } from './staticActivations';
import { StaticBiases } from './staticBiases';

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
    const { plan, placement, writer, readValues } = this.context;
    const asked = formatOf(plan, name);
    const axis = asked.granularity === 'tensor' ? undefined : channelAxis(planned);
    if (asked.granularity === 'channel' && axis === undefined) {
      placement.notes.add(name, 'Its weight has one scale: the integer kernel takes none per channel there.');
    }
    const { type, options } = weightOptions(planned, asked, plan.activationType);
    const quantized = await quantizeConstant(weight.tensor, type, { axis, ...options }, readValues);
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

/** Type and parameters of a weight where its format leaves them open. */
function weightOptions(
  { layer, inputType, weightInput }: StaticLayer,
  { signed, symmetric, reduceRange = false, range = 'auto' }: LayerFormat,
  activationType: 'uint8' | 'int8',
): { readonly type: IntegerTypeName; readonly options: IntegerOptions } {
  // On the left the kernels expect the activation, so a weight there takes the activations' format.
  const isLeft = weightInput === 0 && isEightBit(inputType) && hasIntegerKernel(layer.ref);
  const usual = isLeft ? activationType : 'int8';
  const type = signed === undefined ? usual : signed ? 'int8' : 'uint8';
  return {
    type,
    options: {
      symmetric: symmetric ?? (!isLeft && type === 'int8'),
      reduceRange,
      rule: range === 'auto' ? 'max' : range,
    },
  };
}

/** The axis of the output channels, where the operator can have a scale for each. */
function channelAxis({ layer, inputType, weightInput }: StaticLayer): number | undefined {
  const { ref, weight } = layer;
  const rank = weight?.tensor.dims.length ?? 0;
  // In float, stacked matrices can have a scale per column too.
  const isFloat = !isEightBit(inputType) && ref.node.opType === 'MatMul' && weightInput === 1;
  return isFloat ? rank - 1 : weightAxis(ref.node, weightInput, rank);
}
