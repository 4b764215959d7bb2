import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, RuntimeTensor, Slice, Work } from '../ports';
import { StreamingHistogram } from '../quant/histogram';
import { asFloats, bytesOfTensors } from './floats';
import { GroupedFetch } from './groupedFetch';
import { withOutputs } from './instrument';

/** Samples (inputs and outputs) kept for judging range rules: no more once either is reached. */
export const HELD_OUT_SAMPLES = 32;
export const HELD_OUT_BYTES = 256 * 2 ** 20;
/** Every fourth sample is held out. */
const HELD_OUT_STRIDE = 4;

/** Where activation statistics come from. */
export interface CalibrationSource {
  readonly runtime: Runtime;
  readonly slice: Slice;
}

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
    const fetch = new GroupedFetch(session, values);
    let done = 0;
    for await (const { feeds } of slice.samples()) {
      throwIfCancelled(work.signal);
      const judge = slice.length >= HELD_OUT_STRIDE && done % HELD_OUT_STRIDE === HELD_OUT_STRIDE - 1;
      const into = judge ? rest : fit;
      await fetch.run(feeds, (name, tensor) => into.get(name)?.add(floatsOf(name, tensor)), work.signal);
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

function floatsOf(name: string, tensor: RuntimeTensor | undefined): Float32Array | Float64Array {
  const numbers = tensor && asFloats(tensor);
  if (numbers) return numbers;
  throw new InputError(
    `The value "${name}" is ${tensor?.type ?? 'missing'}, not float; it cannot be calibrated.`,
  );
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
