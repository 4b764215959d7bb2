import { bytesOfTensors } from '../calibrate/floats';
import { GroupedFetch } from '../calibrate/groupedFetch';
import { withOutputs } from '../calibrate/instrument';
import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Sample, Session, Slice, Work } from '../ports';
import { batchSizeFor, samplesOf, stacked } from '../calibrate/batches';
import { chooseKept, type Cut } from './keptValues';

/** Inputs and outputs of the scanned samples may take this much; later samples are left out. */
export const KEPT_SAMPLE_BYTES = 512 * 2 ** 20;
/** Values inside the float model kept between trials, over all samples. What does not fit, trials compute again. */
export const KEPT_VALUE_BYTES = 512 * 2 ** 20;

/** A sample held for all trials. */
export interface HeldSample extends Pick<Sample, 'feeds' | 'label'> {
  /** Identifies its content in a cache; empty without one. */
  readonly id: string;
}

/** Samples that run together, as the float model answered them. */
export interface Batch {
  readonly samples: readonly HeldSample[];
  /** Stacked along the first axis. */
  readonly feeds: Feeds;
  /** Of the float model, sample by sample. */
  readonly outputs: readonly Feeds[];
  /** Values inside the float model, stacked. */
  readonly values: Feeds;
}

export interface Baseline {
  readonly batches: readonly Batch[];
  /** Values that trials may begin with: every batch has them. The other values are there to be compared. */
  readonly starts: ReadonlySet<string>;
  /** Seconds of the runs, without loading the model. */
  readonly seconds: number;
  /** Of all the tensors in `batches`. */
  readonly bytes: number;
}

/**
 * Reads the samples of a slice.
 * @returns fewer than the slice has when KEPT_SAMPLE_BYTES is reached (at least one).
 * @throws InputError when the slice is empty.
 */
export async function holdSamples(
  slice: Slice,
  idOf: (sample: Sample) => string,
  work: Work,
): Promise<HeldSample[]> {
  const samples: HeldSample[] = [];
  let bytes = 0;
  for await (const sample of slice.samples()) {
    throwIfCancelled(work.signal);
    if (bytes > KEPT_SAMPLE_BYTES) break;
    const { feeds, label } = sample;
    samples.push({ feeds, id: idOf(sample), ...(label !== undefined && { label }) });
    bytes += bytesOfTensors(feeds);
  }
  if (samples.length === 0) throw new InputError('There are no samples to scan with.');
  return samples;
}

/**
 * Runs the float model over the samples once and keeps what every trial is compared with, and where trials can begin.
 * Samples run in batches where the model gives the same for them.
 * @param cuts values that let trials begin further down; of them as many as `budget` allows are kept.
 * @param locals further values to keep, with what is left of the budget.
 */
export async function runBaseline(
  runtime: Runtime,
  model: Model,
  samples: readonly HeldSample[],
  { outputs, cuts, locals }: { outputs: readonly string[]; cuts: readonly Cut[]; locals: readonly string[] },
  work: Work,
  budget = KEPT_VALUE_BYTES,
): Promise<Baseline> {
  const needed = new Set(cuts.flatMap(({ values }) => values));
  const wanted = [...new Set([...needed, ...locals])];
  const parts: Pick<Batch, 'samples' | 'feeds' | 'values'>[] = [];
  let kept: ReadonlySet<string> = new Set();
  await withSession(runtime, withOutputs(model, wanted), async (session) => {
    const bytes = await bytesOfValues(session, wanted, samples[0], work);
    const perSample = budget / samples.length;
    kept = chooseKept(cuts, locals, (value) => bytes.get(value) ?? Infinity, perSample);
    const size = await batchSizeFor(session, model, samples, [...new Set([...outputs, ...kept])]);
    const further = [...kept].filter((value) => !needed.has(value));
    for (let start = 0; start < samples.length; start += size) {
      throwIfCancelled(work.signal);
      const part = samples.slice(start, start + size);
      const feeds = stacked(part.map((sample) => sample.feeds));
      const values = further.length > 0 ? await session.run(feeds, further) : {};
      parts.push({ samples: part, feeds, values });
    }
  });
  // A value that is asked for is not fused into what reads it. Rounded to a few codes, the other order of additions shows: so
  // what trials begin with comes from a session in which nothing else is asked for.
  const starts = new Set([...kept].filter((value) => needed.has(value)));
  const fetches = [...new Set([...outputs, ...starts])];
  return withSession(runtime, withOutputs(model, fetches), async (session) => {
    const batches: Batch[] = [];
    let [milliseconds, done] = [0, 0];
    for (const { samples: part, feeds, values } of parts) {
      throwIfCancelled(work.signal);
      const begin = performance.now();
      const results = await session.run(feeds, fetches);
      milliseconds += performance.now() - begin;
      batches.push({
        samples: part,
        feeds,
        outputs: part.map((_, at) => samplesOf(pick(results, outputs), at, part.length)),
        values: { ...values, ...pick(results, kept) },
      });
      done += part.length;
      work.onProgress?.(done, samples.length, `Float pass: sample ${done} of ${samples.length}`);
    }
    const bytes = batches.reduce((sum, batch) => sum + bytesOfBatch(batch), 0);
    return { batches, starts, seconds: milliseconds / 1000, bytes };
  });
}

async function withSession<T>(
  runtime: Runtime,
  model: Model,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await runtime.openModel(model, { optimization: 'simulate' });
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

function bytesOfBatch({ feeds, outputs, values }: Batch): number {
  return [feeds, values, ...outputs].reduce((sum, tensors) => sum + bytesOfTensors(tensors), 0);
}

/** Bytes of each value for the first sample. */
async function bytesOfValues(
  session: Session,
  values: readonly string[],
  sample: HeldSample | undefined,
  work: Work,
): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  if (!sample || values.length === 0) return bytes;
  const fetch = new GroupedFetch(session, values);
  await fetch.run(
    sample.feeds,
    (name, tensor) => tensor && bytes.set(name, bytesOfTensors({ tensor })),
    work.signal,
  );
  return bytes;
}

/** The tensors of these names; names that are not there are left out. */
export function pick(results: Feeds, names: Iterable<string>): Feeds {
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const tensor = results[name];
      return tensor ? [[name, tensor] as const] : [];
    }),
  );
}
