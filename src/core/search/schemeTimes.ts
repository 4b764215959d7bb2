import { calibrate } from '../calibrate/calibrate';
import { measureLatency } from '../latency/measureLatency';
import type { LayerLatencies } from '../latencyResults';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Runtime, Sample, Slice, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import { activationsToCalibrate } from '../rewrite/prepare';
import { scanFormats } from '../scan/formats';
import { prepareScan, type ReadyScan } from '../scan/prepareScan';
import { costsOf } from './costs';
import { unknownLatency } from './goals';
import { firstFeeds } from './planLatency';

/** Kernels take as long for one range as for another; only whether it begins at 0 matters, which few samples tell. */
const CALIBRATION_SAMPLES = 4;

export interface SchemeTimesOptions {
  /** Formats as `formatText` writes them; those of a scan when absent. */
  readonly schemes?: readonly string[];
  /** Sizes of symbolic dimensions in the samples. */
  readonly sampleDimensions?: Readonly<Record<string, number>>;
}

/**
 * Measures what every layer that can be quantized takes in each scheme, on the first sample. Takes seconds for each scheme.
 * @throws InputError when the runtime has no profiles, there is no sample, or no layer; CancelledError
 */
export async function schemeTimes(
  runtime: Runtime,
  model: Model,
  given: Plan,
  slice: Slice,
  { schemes, sampleDimensions }: SchemeTimesOptions,
  work: Work = {},
): Promise<LayerLatencies> {
  if (!runtime.profile) throw unknownLatency();
  const { tensors: _, ...plan } = given;
  const formats = scanFormats(schemes);
  const texts = formats.map(({ text }) => text);
  const ready = await prepareScan(model, plan, formats);
  const dimensions = { ...sampleDimensions, ...plan.dimensions };
  const costs = await costsOf(model, ready.index, plan, ready.names, texts, dimensions, {
    signal: work.signal,
  });
  const latency = await measureLatency(
    runtime,
    {
      model,
      prepared: ready.index.model,
      plan,
      names: ready.names,
      texts,
      canHave: (layer, text) => costs.of(layer, text) !== undefined,
      ranges: await extremesOf(runtime, ready, slice, work),
      feeds: await firstFeeds(slice),
      dimensions,
    },
    work,
  );
  if (!latency) throw unknownLatency();
  return latency.ofLayers(ready.names);
}

/** The extremes of every value that one of the formats quantizes. */
async function extremesOf(
  runtime: Runtime,
  { prepared, every }: ReadyScan,
  slice: Slice,
  work: Work,
): Promise<ReadonlyMap<string, ActivationRange>> {
  const plans = [...every.values()].map(({ plan }) => plan);
  const values = new Set(plans.flatMap((plan) => activationsToCalibrate(prepared, plan, { trials: true })));
  if (values.size === 0) return new Map();
  const few = firstSamples(slice, CALIBRATION_SAMPLES);
  const { all } = await calibrate(runtime, prepared.model, [...values], few, { signal: work.signal });
  const extremes = [...all].map(
    ([value, { min, max }]) => [value, { min: Math.min(0, min), max: Math.max(0, max) }] as const,
  );
  return new Map(extremes);
}

function firstSamples(slice: Slice, most: number): Slice {
  async function* samples(): AsyncIterable<Sample> {
    let left = most;
    for await (const sample of slice.samples()) {
      yield sample;
      if (--left === 0) return;
    }
  }
  return { name: slice.name, length: Math.min(most, slice.length), samples };
}
