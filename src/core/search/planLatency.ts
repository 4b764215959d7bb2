import { InputError } from '../errors';
import type { LatencyModel } from '../latency/latencyModel';
import { measureLatency } from '../latency/measureLatency';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Feeds, Runtime, Slice, Work } from '../ports';
import type { ActivationRange } from '../quant/scheme';
import type { ReadyScan } from '../scan/prepareScan';
import type { SearchCost, SearchGoal, SearchPoint } from '../searchResults';
import { unknownLatency } from './goals';
import type { SearchLayer } from './searchLayer';

export interface SearchedTimes {
  readonly latency: LatencyModel;
  /** With what each option adds. */
  readonly layers: SearchLayer[];
}

/** @throws InputError when a search for this cost cannot be carried out with this runtime. */
export function requireProfiles(runtime: Runtime, cost: SearchCost): void {
  if (cost === 'latency' && !runtime.profile) throw unknownLatency();
}

/**
 * Measures the time of layers for a search, on the first of the samples.
 * @param ranges of the values that the formats quantize.
 * @throws InputError when the runtime has no profiles, or there is no sample; CancelledError
 */
export async function searchedTimes(
  runtime: Runtime,
  model: Model,
  ready: ReadyScan,
  given: {
    readonly plan: Plan;
    readonly layers: readonly SearchLayer[];
    readonly texts: readonly string[];
    readonly ranges: ReadonlyMap<string, ActivationRange>;
    readonly slice: Slice;
    readonly dimensions: Readonly<Record<string, number>>;
    /** Options whose time could not be measured are left out. */
    readonly isGoal: boolean;
  },
  work: Work,
): Promise<SearchedTimes> {
  const { layers, texts, plan, ranges, dimensions } = given;
  const able = new Map(
    layers.map(({ name, options }) => [name, new Set(options.map(({ text }) => text))] as const),
  );
  const latency = await measureLatency(
    runtime,
    {
      model,
      prepared: ready.index.model,
      plan,
      names: layers.map(({ name }) => name),
      texts,
      canHave: (layer, text) => able.get(layer)?.has(text) ?? false,
      ranges,
      feeds: await firstFeeds(given.slice),
      dimensions,
    },
    work,
  );
  if (!latency) throw unknownLatency();
  return { latency, layers: layers.map((layer) => withTimes(layer, latency, given.isGoal)) };
}

/** What must be said of a plan that was to be fast. */
export function timeNotes(
  { cost }: SearchGoal,
  { latencyMs, verified }: SearchPoint,
  floatMs: number | null,
): string[] {
  if (cost !== 'latency' || !verified || latencyMs === null || floatMs === null || latencyMs < floatMs)
    return [];
  return ['The plan given is no faster than the float model on this machine.'];
}

function withTimes(layer: SearchLayer, latency: LatencyModel, isGoal: boolean): SearchLayer {
  const options = layer.options.flatMap((option) => {
    const latencyMs = latency.additiveMs(layer.name, option.text);
    if (latencyMs === null) return isGoal ? [] : [option];
    return [{ ...option, latencyMs }];
  });
  return { ...layer, options };
}

export async function firstFeeds(slice: Slice): Promise<Feeds> {
  for await (const { feeds } of slice.samples()) return feeds;
  throw new InputError('There is no sample to measure times with: give more, or ask for fewer.');
}
