import { batchSizeFor, stacked } from '../calibrate/batches';
import type { HeldOutSample } from '../calibrate/calibrate';
import { bytesOfTensors } from '../calibrate/floats';
import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { CancelSignal, Feeds, Runtime, Sample, Slice, Work } from '../ports';

/** Of all inputs together; samples beyond are not used. */
const INPUT_BYTES = 512 * 2 ** 20;
/** Every eighth sample judges what the others fitted, up to so many. */
const JUDGE_STRIDE = 8;
const MOST_JUDGES = 32;
/** Fewer samples are not divided; below the stride every fourth judges. */
const FEWEST_TO_DIVIDE = 4;
/** Of what the judging samples give; no more judge once there is so much. */
const JUDGE_BYTES = 256 * 2 ** 20;
/** Samples of one run, where the model leaves its batch open. */
const MOST_TOGETHER = 16;

/** The calibration samples in two parts, several in one batch where the model allows that. */
export interface SampleBatches {
  /** What corrections are fitted to. */
  readonly fit: readonly Feeds[];
  /** What they are judged on, with what the float model gives. */
  readonly judge: readonly HeldOutSample[];
  readonly fitSamples: number;
  readonly judgeSamples: number;
  /** In the order of the slice: for keys of kept results. */
  readonly used: readonly Sample[];
}

/**
 * Reads the samples of a slice once and keeps them, up to `INPUT_BYTES`. A slice of less than four samples judges by the
 * samples that it fits.
 * @throws InputError when the slice is empty.
 * @throws CancelledError
 */
export async function readBatches(
  runtime: Runtime,
  model: Model,
  slice: Slice,
  work: Work = {},
): Promise<SampleBatches> {
  const used: Sample[] = [];
  let bytes = 0;
  for await (const sample of slice.samples()) {
    throwIfCancelled(work.signal);
    used.push(sample);
    bytes += bytesOfTensors(sample.feeds);
    work.onProgress?.(used.length, slice.length, `Reading samples: ${used.length} of ${slice.length}`);
    if (bytes > INPUT_BYTES) break;
  }
  if (used.length === 0) {
    throw new InputError('There are no calibration samples. Choose data with at least one sample.');
  }
  const stride = used.length < JUDGE_STRIDE ? FEWEST_TO_DIVIDE : JUDGE_STRIDE;
  const isJudge = (position: number): boolean =>
    position % stride === stride - 1 && Math.floor(position / stride) < MOST_JUDGES;
  const fit = used.length < FEWEST_TO_DIVIDE ? used : used.filter((_, position) => !isJudge(position));
  const judge = used.length < FEWEST_TO_DIVIDE ? used : used.filter((_, position) => isJudge(position));
  const outputs = (model.graph?.output ?? []).map(({ name }) => name);
  const session = await runtime.openModel(model, { optimization: 'simulate' });
  try {
    const together = Math.min(MOST_TOGETHER, await batchSizeFor(session, model, used, outputs));
    const judged: HeldOutSample[] = [];
    let judgeSamples = 0;
    let judgeBytes = 0;
    for (const feeds of batched(judge, together)) {
      throwIfCancelled(work.signal);
      if (judgeBytes > JUDGE_BYTES) break;
      const sample = { feeds, outputs: await session.run(feeds) };
      judgeBytes += bytesOfTensors(sample.outputs);
      judged.push(sample);
      judgeSamples = Math.min(judge.length, judgeSamples + together);
    }
    return { fit: batched(fit, together), judge: judged, fitSamples: fit.length, judgeSamples, used };
  } finally {
    await session.release();
  }
}

/** The same samples, judged by what another float model gives. @throws CancelledError */
export async function withOutputsOf(
  runtime: Runtime,
  model: Model,
  batches: SampleBatches,
  signal?: CancelSignal,
): Promise<SampleBatches> {
  const session = await runtime.openModel(model, { optimization: 'simulate' });
  try {
    const judge: HeldOutSample[] = [];
    for (const { feeds } of batches.judge) {
      throwIfCancelled(signal);
      judge.push({ feeds, outputs: await session.run(feeds) });
    }
    return { ...batches, judge };
  } finally {
    await session.release();
  }
}

function batched(samples: readonly Sample[], together: number): Feeds[] {
  const batches: Feeds[] = [];
  for (let from = 0; from < samples.length; from += together) {
    batches.push(stacked(samples.slice(from, from + together).map(({ feeds }) => feeds)));
  }
  return batches;
}
