import { median, timesInterleaved } from '../compare/latency';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Model } from '../onnx/types';
import { isStatic } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Feeds, ProfiledKernel, Runtime, Session, Work } from '../ports';
import { parseFormat } from '../quant/layerFormat';
import type { ActivationRange } from '../quant/scheme';
import { rewrite } from '../rewrite/rewrite';
import { withFormats, type LayerFormats } from '../search/searchedPlan';
import { crossingsOf } from './borders';
import { conversionSamples, fitConversions, type ConversionSample } from './conversions';
import { LatencyModel, type LayerTime } from './latencyModel';
import { layerTimes, type ProfiledLayer } from './layerTimes';
import { withCodesKept, withNodeNames } from './timingModel';

/** Milliseconds that are spent on timing two models against each other, and the rounds that may be. */
const TIMING = { milliseconds: 600, least: 10, most: 100 };
/** Kernels timed in one profile: the runtime writes about a kilobyte of text for each. */
const MOST_TIMED_KERNELS = 20_000;
/** Microseconds: none takes less, whatever profiling is taken to add. */
const LEAST_KERNEL = 0.5;
const PROFILE_RUNS = { least: 5, most: 30 };

export interface LatencyRequest {
  readonly model: Model;
  /** The same made ready for all formats (see `prepareScan`). */
  readonly prepared: Model;
  /** Of the values that the formats quantize. */
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  /** What layers that are not searched have. */
  readonly plan: Plan;
  /** Layers of the search. */
  readonly names: readonly string[];
  /** Formats of the search, without float. */
  readonly texts: readonly string[];
  /** False when a layer cannot have a format. */
  readonly canHave: (layer: string, text: string) => boolean;
  /** Of one sample. */
  readonly feeds: Feeds;
  /** Sizes of symbolic dimensions in it. */
  readonly dimensions: Readonly<Record<string, number>>;
}

/**
 * Measures what layers cost in each format: the float model and, for each format, the model in which all searched layers have it
 * are timed in turns and profiled at full optimization; a further model in which every second layer is quantized tells what the
 * conversions between take.
 * @returns undefined when the runtime has no profiles.
 * @throws CancelledError
 * @throws RoundoffError when the float model does not run; formats that do not are left out.
 */
export async function measureLatency(
  runtime: Runtime,
  request: LatencyRequest,
  work: Work = {},
): Promise<LatencyModel | undefined> {
  if (!runtime.profile) return undefined;
  return new Measuring(runtime, runtime.profile.bind(runtime), request, work).run();
}

type ProfileModel = NonNullable<Runtime['profile']>;

interface Profile {
  readonly model: Model;
  readonly wallMs: number;
  readonly kernels: readonly ProfiledKernel[];
}

/** A model as it was timed. */
interface Timed {
  readonly wallMs: number;
  readonly layers: ReadonlyMap<string, ProfiledLayer>;
}

class Measuring {
  private readonly prepared: Model;
  private readonly layers: ReadonlySet<string>;
  private readonly samples: ConversionSample[] = [];
  private readonly floatTimes: number[] = [];

  constructor(
    private readonly runtime: Runtime,
    private readonly profile: ProfileModel,
    private readonly request: LatencyRequest,
    private readonly work: Work,
  ) {
    this.prepared = withNodeNames(request.prepared);
    const index = indexGraph(this.prepared);
    this.layers = new Set(findLayers(index, inferShapes(index)).map(({ name }) => name));
  }

  async run(): Promise<LatencyModel> {
    const { names, texts, plan, dimensions, canHave } = this.request;
    const models = new Map<string, Model>();
    for (const text of ['float', ...texts]) models.set(text, await this.modelOf(allIn(names, text)));
    const hasOthers = Object.keys(plan.layers).some((name) => !names.includes(name));
    const ratios = await this.ratios(hasOthers ? models : without(models, 'float'));
    const floatMs = median(this.floatTimes);
    const wallOf = (text: string): number | undefined => {
      const ratio = ratios.get(text) ?? (text === 'float' ? 1 : undefined);
      return ratio === undefined ? undefined : floatMs * ratio;
    };
    const profiles = new Map<string, Profile>();
    for (const [text, model] of models) {
      const wallMs = wallOf(text);
      if (wallMs !== undefined) profiles.set(text, { model, wallMs, kernels: await this.kernelsOf(model) });
    }
    const overhead = overheadOf([...profiles.values()]);
    const timed = new Map(
      [...profiles].map(([text, { model, wallMs, kernels }]) => {
        const own = kernels.map((kernel) => lessOverhead(kernel, overhead));
        return [text, { wallMs, layers: layerTimes(own, model, this.layers, wallMs, hasActivations(text)) }];
      }),
    );
    const formats = alternating(names, [...timed.keys()]);
    if (formats) await this.kernelsOf(await this.modelOf(formats));
    const float = timed.get('float') ?? { wallMs: floatMs, layers: new Map<string, ProfiledLayer>() };
    const times = [...timed].map(([text, each]) => {
      const able = names.filter((name) => text === 'float' || canHave(name, text));
      return [text, extraTimes(each, float, able)] as const;
    });
    const conversions = fitConversions(this.samples.map((sample) => lessOverhead(sample, overhead)));
    const index = indexGraph(this.prepared);
    const crossings = crossingsOf(index, inferShapes(index, dimensions), this.layers);
    return new LatencyModel(floatMs, float.wallMs, new Map(times), crossings, conversions);
  }

  private async modelOf(formats: LayerFormats): Promise<Model> {
    throwIfCancelled(this.work.signal);
    const { plan, ranges } = this.request;
    const { model } = await rewrite(this.prepared, withFormats(plan, formats), ranges, this.work);
    return withCodesKept(withNodeNames(model));
  }

  /** Text → time of a run over that of the float model; those that do not run are left out. */
  private async ratios(models: ReadonlyMap<string, Model>): Promise<Map<string, number>> {
    const { runtime, work } = this;
    const float = await runtime.openModel(this.request.model, { optimization: 'full' });
    const ratios = new Map<string, number>();
    try {
      let done = 0;
      for (const [text, model] of models) {
        work.onProgress?.(done++, models.size, `Measuring the time of ${text}`);
        try {
          ratios.set(text, await this.ratio(float, model));
        } catch (error) {
          if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
        }
      }
    } finally {
      await float.release();
    }
    return ratios;
  }

  private async ratio(float: Session, model: Model): Promise<number> {
    const { feeds } = this.request;
    const session = await this.runtime.openModel(model, { optimization: 'full' });
    try {
      const times = await timeInTurns(float, session, feeds, this.work);
      this.floatTimes.push(times.float);
      return times.other / times.float;
    } finally {
      await session.release();
    }
  }

  private async kernelsOf(model: Model): Promise<ProfiledKernel[]> {
    throwIfCancelled(this.work.signal);
    const nodes = Math.max(1, model.graph?.node.length ?? 0);
    const runs = within(MOST_TIMED_KERNELS / nodes, PROFILE_RUNS);
    const kernels = await this.profile(model, this.request.feeds, runs, this.work);
    this.samples.push(...conversionSamples(kernels, indexGraph(model)));
    return kernels;
  }
}

/**
 * Milliseconds of one run of two models, measured in turns: of each the mean of its fastest tenth. What else a machine does only
 * ever adds, and adds much to kernels that wait for the threads of other cores.
 * @throws CancelledError, RoundoffError
 */
export async function timeInTurns(
  float: Session,
  other: Session,
  feeds: Feeds,
  { signal }: Work,
): Promise<{ float: number; other: number }> {
  const runs = [() => float.run(feeds), () => other.run(feeds)] as const;
  // The first runs take longer: they make room and arrange weights.
  await runs[0]();
  await runs[1]();
  const start = performance.now();
  await runs[0]();
  await runs[1]();
  const rounds = within(TIMING.milliseconds / (performance.now() - start), TIMING);
  const { a, b } = await timesInterleaved(...runs, { rounds, warmup: 0 }, { signal });
  return { float: fastest(a), other: fastest(b) };
}

/** Microseconds that profiling itself adds to a kernel: by as much their sum is more than the time of a run without a profile. */
function overheadOf(profiles: readonly Profile[]): number {
  const each = profiles.map(({ kernels, wallMs }) => {
    const sum = kernels.reduce((total, { microseconds }) => total + microseconds, 0);
    return (sum - 1000 * wallMs) / Math.max(1, kernels.length);
  });
  return each.length > 0 ? Math.max(0, median(each)) : 0;
}

function lessOverhead<T extends { readonly microseconds: number }>(timed: T, overhead: number): T {
  return { ...timed, microseconds: Math.max(LEAST_KERNEL, timed.microseconds - overhead) };
}

function fastest(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b).slice(0, Math.max(1, Math.round(times.length / 10)));
  return sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
}

/**
 * What layers take longer in a format, so that all together take as much longer as the model does: what cannot be told apart
 * (noise, layers that stay float) is shared out in proportion.
 */
function extraTimes(
  { wallMs, layers }: Timed,
  float: Timed,
  names: readonly string[],
): Map<string, LayerTime> {
  const rows = names.map((name) => {
    const own = layers.get(name);
    const before = float.layers.get(name)?.milliseconds ?? 0;
    const milliseconds = own?.milliseconds ?? 0;
    return { name, milliseconds, domain: own?.domain ?? 'plain', extra: milliseconds - before };
  });
  const known = rows.reduce((sum, { extra }) => sum + extra, 0);
  const whole = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rest = whole > 0 ? (wallMs - float.wallMs - known) / whole : 0;
  return new Map(
    rows.map(({ name, milliseconds, domain, extra }) => [
      name,
      { extraMs: extra + rest * milliseconds, domain },
    ]),
  );
}

/** Every second layer quantized, with its activations where a format does that: all conversions stand in such a model. */
function alternating(names: readonly string[], texts: readonly string[]): LayerFormats | undefined {
  const others = texts.filter((text) => text !== 'float');
  const text =
    others.find((each) => each.startsWith('w8a8')) ??
    others.find((each) => hasActivations(each)) ??
    others[0];
  if (text === undefined) return undefined;
  return Object.fromEntries(names.map((name, at) => [name, at % 2 === 0 ? 'float' : text]));
}

function hasActivations(text: string): boolean {
  const format = parseFormat(text);
  return !('mistake' in format) && isStatic(format.scheme);
}

function allIn(names: readonly string[], text: string): LayerFormats {
  return Object.fromEntries(names.map((name) => [name, text]));
}

function without<T>(map: ReadonlyMap<string, T>, key: string): Map<string, T> {
  return new Map([...map].filter(([each]) => each !== key));
}

function within(value: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.min(most, Math.max(least, Math.round(value)));
}
