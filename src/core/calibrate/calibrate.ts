import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, RuntimeTensor, Session, Slice, Work } from '../ports';
import { StreamingHistogram } from '../quant/histogram';
import { batchSizeFor, canStack, samplesOf, stacked } from './batches';
import { asFloats, bytesOfTensors } from './floats';
import { GroupedFetch } from './groupedFetch';
import { withOutputs } from './instrument';

/** Samples (inputs and outputs) kept for judging range rules: no more once either is reached. */
export const HELD_OUT_SAMPLES = 32;
export const HELD_OUT_BYTES = 256 * 2 ** 20;
/** Every fourth sample is held out. */
const HELD_OUT_STRIDE = 4;
/** Samples from which it pays to find out whether several can run together. */
const FEWEST_FOR_BATCHES = 16;
/** ResNet-18: 4.5 ms a sample with 8 as with 32, 6.6 alone. */
const LARGEST_BATCH = 8;
/** Of the calibrated values of a batch. */
const BATCH_BYTES = 64 * 2 ** 20;

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
 * Runs the float model once over `slice`, streaming each of `values` into its histogram. Small samples run several at a time where
 * the model allows that. Memory: the activations of one run (in groups of about FETCH_BYTES when they are larger than that), the
 * histograms, and the held-out samples.
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
  const session = await runtime.openModel(withOutputs(model, values), { optimization: 'none' });
  try {
    const pass = new Pass(session, model, values, slice.length, work);
    for await (const { feeds } of slice.samples()) await pass.take(feeds);
    return await pass.finish();
  } finally {
    await session.release();
  }
}

/** Samples that wait for a run, and where their values go. */
interface Part {
  readonly histograms: ReadonlyMap<string, StreamingHistogram>;
  readonly judges: boolean;
  waiting: Feeds[];
}

class Pass {
  private readonly fetch: GroupedFetch;
  private readonly outputs: readonly string[];
  private readonly fit: Part;
  private readonly rest: Part;
  private readonly heldOut: HeldOutSample[] = [];
  private heldOutBytes = 0;
  /** Of one sample. */
  private valueBytes = 0;
  private first: Feeds | undefined;
  private batchSize = 1;
  private taken = 0;
  private done = 0;

  constructor(
    private readonly session: Session,
    private readonly model: Model,
    private readonly values: readonly string[],
    private readonly total: number,
    private readonly work: Work,
  ) {
    this.fetch = new GroupedFetch(session, values);
    this.outputs = (model.graph?.output ?? []).map((output) => output.name);
    this.fit = { histograms: emptyHistograms(values), judges: total < HELD_OUT_STRIDE, waiting: [] };
    this.rest = { histograms: emptyHistograms(values), judges: true, waiting: [] };
  }

  async take(feeds: Feeds): Promise<void> {
    throwIfCancelled(this.work.signal);
    if (this.taken === 1 && this.first) this.batchSize = await this.sizeFor(this.first, feeds);
    this.first ??= feeds;
    const isHeldOut = this.taken % HELD_OUT_STRIDE === HELD_OUT_STRIDE - 1;
    const part = isHeldOut && !this.fit.judges ? this.rest : this.fit;
    this.taken++;
    const [before] = part.waiting;
    if (before && !canStack([before, feeds])) await this.run(part);
    part.waiting.push(feeds);
    if (part.waiting.length >= this.batchSize) await this.run(part);
  }

  async finish(): Promise<Calibration> {
    for (const part of [this.fit, this.rest]) if (part.waiting.length > 0) await this.run(part);
    const [fit, rest] = [this.fit.histograms, this.rest.histograms];
    return { samples: this.done, all: merged(fit, rest), fit, heldOut: this.heldOut };
  }

  /** How many samples run together, once the first has run alone. */
  private async sizeFor(first: Feeds, second: Feeds): Promise<number> {
    const largest = Math.min(LARGEST_BATCH, Math.floor(BATCH_BYTES / this.valueBytes));
    if (this.total < FEWEST_FOR_BATCHES || largest < 2) return 1;
    const fetches = [...new Set([...this.values, ...this.outputs])];
    const samples = [{ feeds: first }, { feeds: second }];
    return Math.min(largest, await batchSizeFor(this.session, this.model, samples, fetches));
  }

  private async run(part: Part): Promise<void> {
    const samples = part.waiting;
    part.waiting = [];
    const feeds = stacked(samples);
    let bytes = 0;
    await this.fetch.run(
      feeds,
      (name, tensor) => {
        part.histograms.get(name)?.add(floatsOf(name, tensor), samples.length);
        if (tensor) bytes += bytesOfTensors({ tensor });
      },
      this.work.signal,
    );
    this.valueBytes = bytes / samples.length;
    if (part.judges && !this.isFull) this.holdOut(samples, await this.session.run(feeds, this.outputs));
    this.done += samples.length;
    const { done, total } = this;
    this.work.onProgress?.(done, total, `Calibrating: sample ${done} of ${total}`);
  }

  private get isFull(): boolean {
    return this.heldOut.length >= HELD_OUT_SAMPLES || this.heldOutBytes >= HELD_OUT_BYTES;
  }

  private holdOut(samples: readonly Feeds[], results: Feeds): void {
    for (const [at, feeds] of samples.entries()) {
      if (this.isFull) return;
      const outputs = samplesOf(results, at, samples.length);
      this.heldOutBytes += bytesOfTensors(feeds) + bytesOfTensors(outputs);
      this.heldOut.push({ feeds, outputs });
    }
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
