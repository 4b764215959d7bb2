import { median } from './interleaved';
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
import { allIn, withFormats, type LayerFormats } from '../plan/layerFormats';
import { crossingsOf } from './borders';
import { conversionSamples, fitConversions, type ConversionSample } from './conversions';
import { LatencyModel, type LayerTime } from './latencyModel';
import { layerTimes, type ProfiledLayer } from './layerTimes';
import { timeInTurns, within } from './timeInTurns';
import { withCodesKept, withNodeNames } from './timingModel';

/** Kernels timed in one profile: the runtime writes about a kilobyte of text for each. */
const MOST_TIMED_KERNELS = 20_000;
/** Milliseconds that a profile may take, and the runs that it may have. */
const PROFILING = { milliseconds: 500, least: 10, most: 100 };
/** Microseconds: no kernel takes less, whatever profiling is taken to add. */
const LEAST_KERNEL = 0.5;

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

/** A model that was timed. */
interface Profile {
  readonly model: Model;
  readonly wallMs: number;
  readonly kernels: readonly ProfiledKernel[];
}

/** What each layer takes in such a model. */
interface Timed {
  readonly wallMs: number;
  readonly layers: ReadonlyMap<string, ProfiledLayer>;
}

class Measuring {
  private readonly prepared: Model;
  private readonly layers: ReadonlySet<string>;
  private readonly samples: ConversionSample[] = [];
  private done = 0;

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
    const { names, dimensions, canHave } = this.request;
    const profiles = await this.profiles();
    await this.profileAlternating([...profiles.formats.keys()], profiles.float.wallMs);
    const overhead = overheadOf([...profiles.formats.values()]);
    const timed = new Map(
      [...profiles.formats].map(([text, each]) => [text, this.timed(each, overhead, hasActivations(text))]),
    );
    const base = timed.get('float') ?? this.timed(profiles.float, overhead, false);
    const times = [...timed].map(([text, each]) => {
      const able = names.filter((name) => text === 'float' || canHave(name, text));
      return [text, extraTimes(each, base, able)] as const;
    });
    const index = indexGraph(this.prepared);
    const crossings = crossingsOf(index, inferShapes(index, dimensions), this.layers);
    const conversions = fitConversions(this.samples.map((sample) => lessOverhead(sample, overhead)));
    const { wallMs } = profiles.float;
    const floats = new Map([...base.layers].map(([name, { milliseconds }]) => [name, milliseconds]));
    return new LatencyModel(wallMs, base.wallMs, new Map(times), crossings, conversions, floats);
  }

  /** The float model, and the models in which all layers of the search have one format; those that do not run are left out. */
  private async profiles(): Promise<{ float: Profile; formats: Map<string, Profile> }> {
    const { runtime, work } = this;
    const { model, names, texts, plan } = this.request;
    const floatModel = withNodeNames(model);
    const session = await runtime.openModel(floatModel, { optimization: 'full' });
    const formats = new Map<string, Profile>();
    let floatMs = Infinity;
    try {
      const hasOthers = Object.keys(plan.layers).some((name) => !names.includes(name));
      for (const text of hasOthers ? ['float', ...texts] : texts) {
        work.onProgress?.(this.done++, texts.length + 1, `Measuring the time of ${text}`);
        await unlessRefused(async () => {
          const quantized = await this.modelOf(allIn(names, text));
          const { float, other } = await this.timeBoth(session, quantized);
          floatMs = Math.min(floatMs, float);
          formats.set(text, await this.profileOf(quantized, other));
        });
      }
    } finally {
      await session.release();
    }
    const float = await this.profileOf(floatModel, floatMs);
    if (!formats.has('float')) formats.set('float', float);
    return { float, formats };
  }

  /** For the conversions that stand in it. */
  private async profileAlternating(texts: readonly string[], wallMs: number): Promise<void> {
    const formats = alternating(this.request.names, texts);
    if (!formats) return;
    await unlessRefused(async () => {
      await this.kernelsOf(await this.modelOf(formats), wallMs);
    });
  }

  private async modelOf(formats: LayerFormats): Promise<Model> {
    throwIfCancelled(this.work.signal);
    const { plan, ranges } = this.request;
    const { model } = await rewrite(this.prepared, withFormats(plan, formats), ranges, this.work);
    return withCodesKept(withNodeNames(model));
  }

  private async timeBoth(float: Session, model: Model): Promise<{ float: number; other: number }> {
    const session = await this.runtime.openModel(model, { optimization: 'full' });
    try {
      return await timeInTurns(float, session, this.request.feeds, this.work);
    } finally {
      await session.release();
    }
  }

  /** Both the time of a run and the sum of its kernels are only ever too long: the lesser holds. */
  private async profileOf(model: Model, fastestMs: number): Promise<Profile> {
    const kernels = await this.kernelsOf(model, fastestMs);
    const sum = kernels.reduce((total, { microseconds }) => total + microseconds, 0);
    return { model, kernels, wallMs: Math.min(fastestMs, sum / 1000) };
  }

  private async kernelsOf(model: Model, wallMs: number): Promise<ProfiledKernel[]> {
    throwIfCancelled(this.work.signal);
    const nodes = Math.max(1, model.graph?.node.length ?? 0);
    const runs = Math.min(MOST_TIMED_KERNELS / nodes, PROFILING.milliseconds / wallMs);
    const kernels = await this.profile(model, this.request.feeds, within(runs, PROFILING), this.work);
    this.samples.push(...conversionSamples(kernels, indexGraph(model)));
    return kernels;
  }

  private timed({ model, wallMs, kernels }: Profile, overhead: number, isStaticFormat: boolean): Timed {
    const own = kernels.map((kernel) => lessOverhead(kernel, overhead));
    return { wallMs, layers: layerTimes(own, model, this.layers, wallMs, isStaticFormat) };
  }
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

/** Does some work, but not where a model cannot be built or run. @throws CancelledError */
async function unlessRefused(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
  }
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
