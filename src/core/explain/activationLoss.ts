import { calibrate } from '../calibrate/calibrate';
import { chooseRanges, WIDE_RULE } from '../calibrate/chooseRanges';
import { activationTargets } from '../calibrate/activationTargets';
import type { CalibrationSource } from '../calibrate/calibrate';
import type { GraphIndex } from '../graph/graphIndex';
import type { Layer } from '../graph/types';
import type { Plan, TensorOverride } from '../plan/types';
import type { Work } from '../ports';
import { computeQuantParams } from '../quant/affine';
import { affineGrid, type ErrorGrid } from '../quant/errorGrid';
import type { StreamingHistogram } from '../quant/histogram';
import { histogramError } from '../quant/histogramSplit';
import type { LayerFormat } from '../quant/layerFormat';
import { absoluteQuantile } from '../quant/ranges';
import type { ActivationRange, StaticType } from '../quant/scheme';
import { activationTypeOf, isEightBit } from '../rewrite/activationTypes';
import { placeQuantization } from '../rewrite/placement';
import type { Prepared } from '../rewrite/prepare';
import { rewrite } from '../rewrite/rewrite';

/** What a format does to a value that a layer reads or gives, from its histogram: sums of squares. */
export interface ActivationLoss {
  readonly value: string;
  readonly role: 'input' | 'output';
  readonly type: StaticType;
  readonly energy: number;
  readonly clipping: number;
  readonly rounding: number;
  /** Greatest magnitude over the 99.9th percentile. */
  readonly tail: number;
}

/** The values of a layer that a static format quantizes. */
export interface QuantizedValue {
  readonly value: string;
  readonly role: 'input' | 'output';
}

/** Statistics of the values of one layer. */
export interface LayerActivations {
  /** As 8- or as 16-bit codes; types that the plan fixes stay. */
  lossAs(scheme: 'w8a8' | 'w8a16'): readonly ActivationLoss[];
}

/**
 * Which values of a layer are quantized when all layers have the format; none where it quantizes the weight alone, and not
 * those that have a pair in the model already.
 */
export function quantizedValues(
  index: GraphIndex,
  plan: Plan,
  layer: Layer,
  { scheme, ...options }: LayerFormat,
): QuantizedValue[] {
  const every: Plan = { ...plan, defaultScheme: scheme, defaultOptions: options, layers: {} };
  const { layers, tensors, existing, clips } = placeQuantization(index, every);
  const own = layers.find((each) => each.layer.name === layer.name);
  if (!own) return [];
  const { ref } = own.layer;
  const input = ref.node.input[own.dataInput] ?? '';
  const output = (clips.get(ref) ?? ref).node.output[0] ?? '';
  return [
    ...(existing.has(input) ? [] : [{ value: input, role: 'input' as const }]),
    ...(tensors.has(output) ? [{ value: output, role: 'output' as const }] : []),
  ];
}

/**
 * Runs the float model over the calibration slice and chooses ranges as a scan of this layer does: by the plan's rule, `auto`
 * judged by the model in which only this layer is quantized.
 * @param only the plan in which it is.
 * @throws InputError, CancelledError as `calibrate` and `chooseRanges` do.
 */
export async function layerActivations(
  ready: Prepared,
  only: Plan,
  values: readonly QuantizedValue[],
  isWide: boolean,
  { runtime, slice }: CalibrationSource,
  work: Work,
): Promise<LayerActivations> {
  const names = [...new Set(values.map(({ value }) => value))];
  const calibration = await calibrate(runtime, ready.model, names, slice, work);
  const { ranges } = await chooseRanges(
    runtime,
    only.activationRange === 'auto' && isWide ? WIDE_RULE : only.activationRange,
    calibration,
    activationTargets(only),
    async (tried) => (await rewrite(ready.model, only, tried, { signal: work.signal })).model,
    work,
  );
  return {
    lossAs: (scheme) =>
      values.flatMap(({ value, role }) => {
        const histogram = calibration.all.get(value);
        const range = ranges.get(value);
        if (!histogram || !range) return [];
        const override = overrideOf(only, value);
        const type = override?.type ?? activationTypeOf(only, scheme);
        const grid = gridFor(only, override, range, type);
        return [
          {
            value,
            role,
            type,
            energy: histogram.sumSquares,
            ...histogramError(histogram, grid),
            tail: tailOf(histogram),
          },
        ];
      }),
  };
}

function overrideOf({ tensors = {} }: Plan, value: string): TensorOverride | undefined {
  return Object.hasOwn(tensors, value) ? tensors[value] : undefined;
}

/** The codes of a value: fixed by the plan, or over its range. */
function gridFor(
  plan: Plan,
  override: TensorOverride | undefined,
  range: ActivationRange,
  type: StaticType,
): ErrorGrid {
  const { scale, zeroPoint, min, max } = override ?? {};
  if (scale !== undefined && zeroPoint !== undefined) {
    return affineGrid({ scale: Math.fround(scale), zeroPoint }, type);
  }
  const symmetric = override?.symmetric ?? plan.activationSymmetric ?? false;
  const fixed = min !== undefined && max !== undefined ? { min, max } : undefined;
  const chosen = isEightBit(type) ? range : (range.wide ?? range);
  return affineGrid(computeQuantParams(fixed ?? chosen, type, { symmetric }), type);
}

/** Of the values that are not zero, where nearly all are. */
function tailOf(histogram: StreamingHistogram): number {
  const largest = Math.max(-histogram.min, histogram.max);
  if (largest === 0) return 1;
  const filled = (histogram.count - histogram.zeros) / histogram.count;
  const usual =
    absoluteQuantile(histogram, 0.999) || absoluteQuantile(histogram, 1 - filled + 0.999 * filled);
  return usual > 0 ? largest / usual : 1;
}
