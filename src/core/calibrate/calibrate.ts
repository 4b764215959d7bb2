import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Session, Slice, Work } from '../ports';
import { StreamingHistogram } from '../quant/histogram';
import { asFloats, bytesOfTensors } from './floats';
import { withOutputs } from './instrument';

/** Values fetched together are planned to stay below this many bytes per run. */
export const FETCH_BYTES = 512 * 2 ** 20;
/** Values per run of the first sample, whose sizes are not known yet. */
const FIRST_FETCHES = 16;
/** Samples (inputs and outputs) kept for judging range rules: no more once either is reached. */
export const HELD_OUT_SAMPLES = 32;
export const HELD_OUT_BYTES = 256 * 2 ** 20;
/** Every fourth sample is held out. */
const HELD_OUT_STRIDE = 4;

/** A sample that rules are judged on: what went in, and what the float model gave. */
export interface HeldOutSample {
  readonly feeds: Feeds;
  readonly outputs: Feeds;
}

/** What one pass over the calibration slice learned. */
export interface Calibration {
  readonly samples: number;
  /** Statistics of each value over all samples. */
  readonly all: ReadonlyMap<string, StreamingHistogram>;
  /** Over the samples that are not held out (all of them, when there are fewer than four). */
  readonly fit: ReadonlyMap<string, StreamingHistogram>;
  readonly heldOut: readonly HeldOutSample[];
}

/**
 * Runs the float model once over `slice`, streaming each of `values` into its histogram. Memory: one sample's activations
 * (in groups of about FETCH_BYTES when they are larger than that), the histograms, and the held-out samples.
 * @param values names of float values of the main graph.
 * @throws InputError when the slice is empty, a value is not float, or a value holds NaN or infinities.
 */
export async function calibrate(
  runtime: Runtime,
  model: Model,
  values: readonly string[],
  slice: Slice,
  work: Work = {},
): Promise<Calibration> {
  if (slice.length === 0) {
    throw new InputError('There are no calibration samples. Choose data with at least one sample.');
  }
  const outputs = (model.graph?.output ?? []).map((output) => output.name);
  const fit = emptyHistograms(values);
  const rest = emptyHistograms(values);
  const heldOut: HeldOutSample[] = [];
  let heldOutBytes = 0;
  const session = await runtime.openModel(withOutputs(model, values), { optimization: 'none' });
  try {
    let groups = grouped(values, () => FETCH_BYTES / FIRST_FETCHES);
    let done = 0;
    for await (const { feeds } of slice.samples()) {
      throwIfCancelled(work.signal);
      const judge = slice.length >= HELD_OUT_STRIDE && done % HELD_OUT_STRIDE === HELD_OUT_STRIDE - 1;
      const sizes = await addSample(session, feeds, groups, judge ? rest : fit, work);
      groups = grouped(values, (name) => sizes.get(name) ?? 0);
      const wanted = judge || slice.length < HELD_OUT_STRIDE;
      if (wanted && heldOut.length < HELD_OUT_SAMPLES && heldOutBytes < HELD_OUT_BYTES) {
        const sample = { feeds, outputs: await session.run(feeds, outputs) };
        heldOutBytes += bytesOfTensors(sample.feeds) + bytesOfTensors(sample.outputs);
        heldOut.push(sample);
      }
      done++;
      work.onProgress?.(done, slice.length, `Calibrating: sample ${done} of ${slice.length}`);
    }
    return { samples: done, all: merged(fit, rest), fit, heldOut };
  } finally {
    await session.release();
  }
}

/** Runs one sample, group by group. Gives the bytes that each value took. */
async function addSample(
  session: Session,
  feeds: Feeds,
  groups: readonly (readonly string[])[],
  into: ReadonlyMap<string, StreamingHistogram>,
  { signal }: Work,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const names of groups) {
    throwIfCancelled(signal);
    const results = await session.run(feeds, names);
    for (const name of names) {
      const tensor = results[name];
      const numbers = tensor && asFloats(tensor);
      if (!numbers) {
        throw new InputError(
          `The value "${name}" is ${tensor?.type ?? 'missing'}, not float; it cannot be calibrated.`,
        );
      }
      into.get(name)?.add(numbers);
      sizes.set(name, numbers.byteLength);
    }
  }
  return sizes;
}

/** Splits names, in their order, into runs whose bytes stay below FETCH_BYTES where one value allows it. */
function grouped(names: readonly string[], bytes: (name: string) => number): string[][] {
  const groups: string[][] = [];
  let size = Infinity;
  for (const name of names) {
    size += bytes(name);
    if (size > FETCH_BYTES) {
      groups.push([]);
      size = bytes(name);
    }
    groups.at(-1)?.push(name);
  }
  return groups;
}

function emptyHistograms(values: readonly string[]): Map<string, StreamingHistogram> {
  return new Map(values.map((name) => [name, new StreamingHistogram(name)]));
}

function merged(
  a: ReadonlyMap<string, StreamingHistogram>,
  b: ReadonlyMap<string, StreamingHistogram>,
): Map<string, StreamingHistogram> {
  const all = emptyHistograms([...a.keys()]);
  for (const [name, histogram] of all) {
    for (const part of [a.get(name), b.get(name)]) if (part) histogram.merge(part);
  }
  return all;
}
