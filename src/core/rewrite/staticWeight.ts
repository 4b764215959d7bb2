import { formatOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { LocalWeightRule } from '../quant/integerWeight';
import type { LayerFormat } from '../quant/layerFormat';
import type { IntegerTypeName } from '../quant/scheme';
import { isEightBit } from './activationTypes';
import { weightAxis } from './layerWeights';
import { hasIntegerKernel } from './operators';
import type { StaticLayer } from './placement';
import { plainSite, type WeightSite } from './weights/weightSite';

/** How the weight of a layer that computes on integers is stored, every option decided. */
export interface StaticWeight {
  readonly type: Extract<IntegerTypeName, 'int8' | 'uint8'>;
  /** Of the scales; undefined: there is one. */
  readonly axis: number | undefined;
  readonly options: {
    readonly symmetric: boolean;
    readonly reduceRange: boolean;
    readonly rule: LocalWeightRule;
  };
}

/** What a plan says of the weight of a static layer, and where it says nothing what the runtime's kernels take. */
export function staticWeight(planned: StaticLayer, plan: Plan): StaticWeight {
  const { layer, inputType, weightInput } = planned;
  const { granularity, signed, symmetric, reduceRange = false, range = 'auto' } = formatOf(plan, layer.name);
  // On the left the kernels expect the activation, so a weight there takes the activations' format.
  const isLeft = weightInput === 0 && isEightBit(inputType) && hasIntegerKernel(layer.ref);
  const usual = isLeft ? plan.activationType : 'int8';
  const type = signed === undefined ? usual : signed ? 'int8' : 'uint8';
  return {
    type,
    axis: granularity === 'tensor' ? undefined : channelAxis(planned),
    options: {
      symmetric: symmetric ?? (!isLeft && type === 'int8'),
      reduceRange,
      rule: range === 'auto' ? 'max' : range,
    },
  };
}

/** The same grid as `encodeWeight` takes it: for what chooses codes from it. */
export function staticGrid(
  planned: StaticLayer,
  plan: Plan,
  opset: number,
): { readonly format: LayerFormat; readonly site: WeightSite } {
  const { type, axis, options } = staticWeight(planned, plan);
  const { rule, ...others } = options;
  return {
    format: {
      scheme: planned.scheme,
      granularity: axis === undefined ? 'tensor' : 'channel',
      signed: type === 'int8',
      ...others,
      range: rule,
    },
    site: { ...plainSite(opset), channelAxis: axis },
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
