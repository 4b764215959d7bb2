import { InputError } from '../errors';
import type { TensorOverride } from '../plan/types';
import { computeQuantParams } from '../quant/affine';
import { integerType } from '../quant/integerTypes';
import type { ActivationRange, QuantParams, Range, StaticType } from '../quant/scheme';
import { isEightBit } from './activationTypes';
import { isPassThrough } from './operators';
import type { ParamNames } from './qdq';
import type { RewriteContext } from './rewriteContext';

interface NamedParams {
  readonly params: QuantParams;
  readonly names: ParamNames;
}

type Sources = Pick<
  RewriteContext,
  'index' | 'main' | 'placement' | 'plan' | 'ranges' | 'writer' | 'isDryRun'
>;

/** Scale and zero point of every quantized activation, per element type; the initializers are added as they are asked for. */
export class ActivationParams {
  private readonly known = new Map<string, NamedParams>();
  private readonly mainTypes = new Map<string, StaticType>();

  constructor(private readonly context: Sources) {}

  /**
   * Parameters of a quantized tensor in one of its types. The first type asked for is the one that the tool's names go to.
   * @throws InputError when the range is missing.
   */
  of(value: string, type: StaticType): NamedParams {
    const existing = this.context.placement.existing.get(value);
    if (existing) return existing;
    const root = this.context.placement.tensors.get(value)?.rangeOf ?? value;
    const mainType = this.mainTypes.get(root) ?? type;
    this.mainTypes.set(root, mainType);
    const key = `${type} ${root}`;
    const known = this.known.get(key);
    if (known) return known;
    const params = this.compute(root, type, mainType);
    const names = this.context.writer.addParams(root, params, type, type === mainType ? '' : '_convert');
    this.known.set(key, { params, names });
    return { params, names };
  }

  private compute(root: string, type: StaticType, mainType: StaticType): QuantParams {
    const { tensors } = this.context.placement;
    const override = this.overrideOf(root);
    const symmetric = override?.symmetric ?? this.context.plan.activationSymmetric ?? false;
    const isFixed = override?.scale !== undefined && override.zeroPoint !== undefined;
    if (type === mainType && isFixed)
      return { scale: Math.fround(override.scale), zeroPoint: override.zeroPoint };
    // When codes are widened, every code has one that stands for the same number then.
    const widens = tensors.get(root)?.computedAs === mainType && isEightBit(mainType) && !isEightBit(type);
    if (type !== mainType && (isFixed || widens)) {
      const range = codedRange(this.of(root, mainType).params, mainType);
      return computeQuantParams(range, type, { symmetric: symmetric && !isFixed });
    }
    return computeQuantParams(this.rangeFor(root, type), type, { symmetric });
  }

  private overrideOf(value: string): TensorOverride | undefined {
    const tensors = this.context.plan.tensors ?? {};
    return Object.hasOwn(tensors, value) ? tensors[value] : undefined;
  }

  /** The range of a value, fixed by the plan or calibrated, or of the value that pass-through operators made it from. */
  private rangeFor(value: string, type: StaticType): Range {
    const { index, main, placement, ranges } = this.context;
    const { min, max } = this.overrideOf(value) ?? {};
    if (min !== undefined && max !== undefined) return { min, max };
    for (let at = value; ;) {
      const range: ActivationRange | undefined = placement.fixedRanges.get(at) ?? ranges.get(at);
      if (range) return isEightBit(type) ? range : (range.wide ?? range);
      const producer = index.producer(main, at);
      if (!producer || !isPassThrough(index, producer)) break;
      at = producer.node.input[0] ?? '';
    }
    // Its width changes no size.
    if (this.context.isDryRun) return { min: 0, max: 1 };
    throw new InputError(
      `There is no calibrated range for the tensor ${value}. Calibrate the model again with this plan.`,
    );
  }
}

/** What the codes of a type stand for. */
function codedRange({ scale, zeroPoint }: QuantParams, type: StaticType): Range {
  const { min, max } = integerType(type);
  return { min: (min - zeroPoint) * scale, max: (max - zeroPoint) * scale };
}
