import { calibrate } from '../calibrate/calibrate';
import { activationTargets } from '../calibrate/activationTargets';
import type { CalibrationSource } from '../calibrate/calibrate';
import { InputError } from '../errors';
import { quantizedValues } from '../explain/activationLoss';
import { indexGraph } from '../graph/graphIndex';
import type { Model } from '../onnx/types';
import { formatOf, isStatic, onlyLayer } from '../plan/editPlan';
import type { Plan, TensorOverride } from '../plan/types';
import type { Work } from '../ports';
import { computeQuantParams } from '../quant/affine';
import { affineGrid, integerGrid, gridSize } from '../quant/errorGrid';
import { histogramSplit } from '../quant/histogramSplit';
import { integerType } from '../quant/integerTypes';
import type { LayerFormat } from '../quant/layerFormat';
import type { Range } from '../quant/scheme';
import type { ErrorSplitCurve } from '../rangeResults';
import { activationTypeOf } from '../rewrite/activationTypes';
import { placeQuantization } from '../rewrite/placement';
import { prepareFloat } from '../rewrite/prepare';
import { layerOf, SPLIT_STEPS } from './weightSplit';

/**
 * What a range costs what a layer reads or gives, from the histogram of one pass over the calibration slice. The type is that of
 * the layer's format, or of w8a8 where it does not quantize activations.
 * @throws InputError when that value of the layer would not be quantized.
 * @throws CancelledError
 */
export async function activationSplit(
  model: Model,
  plan: Plan,
  { layer: name, of }: { readonly layer: string; readonly of: 'input' | 'output' },
  { runtime, slice }: CalibrationSource,
  work: Work = {},
): Promise<Omit<ErrorSplitCurve, 'random'>> {
  const planned = formatOf(plan, name);
  const format: LayerFormat & { scheme: 'w8a8' | 'w8a16' } = isStatic(planned.scheme)
    ? { ...planned, scheme: planned.scheme }
    : { scheme: 'w8a8' };
  const ready = await prepareFloat(model, onlyLayer(plan, name, format));
  const index = indexGraph(ready.model);
  const layer = layerOf(ready.model, plan, name);
  const value = quantizedValues(index, plan, layer, format).find(({ role }) => role === of)?.value;
  if (value === undefined) throw new InputError(`The ${of} of ${name} gets no integers of its own.`);
  const override = overrideOf(plan, value);
  const type = override?.type ?? activationTypeOf(plan, format.scheme);
  const { symmetric } = activationTargets(plan)(value).narrow;
  const { all, samples } = await calibrate(runtime, ready.model, [value], slice, work);
  const histogram = all.get(value);
  if (!histogram) throw new InputError(`The value ${value} was not calibrated.`);
  const fixed = fixedRange(override, symmetric);
  const split = histogramSplit(
    histogram,
    { type, symmetric },
    {
      steps: SPLIT_STEPS,
      atMarkers: true,
      ...(fixed && {
        also: [Math.max(-fixed.min, fixed.max)],
        planned: affineGrid(computeQuantParams(fixed, type, { symmetric }), type),
      }),
    },
  );
  const extremes = { min: Math.min(0, histogram.min), max: Math.max(0, histogram.max) };
  const reach = Math.max(-extremes.min, extremes.max);
  return {
    layer: name,
    value,
    of,
    bits: integerType(type).bits,
    type,
    table: null,
    method: 'histogram',
    stride: 1,
    samples,
    elements: histogram.count,
    symmetric,
    extremes,
    isFolded: false,
    plannedDb: null,
    whyNotFixed: await whyNotFixed(model, plan, value),
    ...split,
    planned: fixed && split.planned ? { ...fixed, ...split.planned } : null,
    possible: reach > 0 ? gridSize(integerGrid(type, { symmetric, within: extremes }).at(reach)) : 0,
  };
}

/** Why the plan cannot say what the range of a value is, in one sentence; null when it can. */
async function whyNotFixed(model: Model, plan: Plan, value: string): Promise<string | null> {
  const { model: prepared } = await prepareFloat(model, plan);
  const { tensors } = placeQuantization(indexGraph(prepared), plan);
  const tensor = tensors.get(value);
  if (!tensor) return 'The plan does not quantize this value: give the layer a scheme that does (w8a8).';
  if (tensor.rangeOf !== value) return `This value takes the range of ${tensor.rangeOf}.`;
  return null;
}

/** The range that the plan fixes, as it is written: with zero. */
function fixedRange({ min, max }: TensorOverride = {}, symmetric: boolean): Range | undefined {
  if (min === undefined || max === undefined) return undefined;
  const reach = Math.max(-min, max);
  return symmetric ? { min: -reach, max: reach } : { min: Math.min(0, min), max: Math.max(0, max) };
}

function overrideOf({ tensors = {} }: Plan, value: string): TensorOverride | undefined {
  return Object.hasOwn(tensors, value) ? tensors[value] : undefined;
}
