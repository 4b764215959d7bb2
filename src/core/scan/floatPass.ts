import { bytesOfTensors } from '../calibrate/floats';
import { withOutputs } from '../calibrate/instrument';
import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Slice, Work } from '../ports';

/** Outputs of the float model kept for all trials may take this much. */
export const KEPT_OUTPUT_BYTES = 512 * 2 ** 20;
/** Values at the layers' own outputs, for local SQNR, may take this much more; later samples go without. */
export const KEPT_LOCAL_BYTES = 256 * 2 ** 20;

/** One sample as the float model answered it. */
export interface FloatSample {
  readonly feeds: Feeds;
  readonly outputs: Feeds;
  /** Values at the layers' own outputs; undefined past KEPT_LOCAL_BYTES. */
  readonly locals: Feeds | undefined;
}

/**
 * Runs the float model over the scan slice once and keeps what every trial is compared with.
 * @param locals values of the main graph to keep too.
 * @returns samples, in order; fewer than the slice has when KEPT_OUTPUT_BYTES is reached (at least one), and the seconds
 * that the runs took, without loading the model.
 * @throws InputError when the slice is empty.
 */
export async function floatPass(
  runtime: Runtime,
  model: Model,
  outputs: readonly string[],
  locals: readonly string[],
  slice: Slice,
  work: Work,
): Promise<{ samples: FloatSample[]; seconds: number }> {
  const session = await runtime.openModel(withOutputs(model, locals), { optimization: 'simulate' });
  const samples: FloatSample[] = [];
  let [keptOutputs, keptLocals, milliseconds] = [0, 0, 0];
  try {
    for await (const { feeds } of slice.samples()) {
      throwIfCancelled(work.signal);
      if (keptOutputs > KEPT_OUTPUT_BYTES) break;
      const withLocals = keptLocals <= KEPT_LOCAL_BYTES;
      const start = performance.now();
      const results = await session.run(feeds, withLocals ? [...new Set([...outputs, ...locals])] : outputs);
      milliseconds += performance.now() - start;
      const sample = {
        feeds,
        outputs: pick(results, outputs),
        locals: withLocals ? pick(results, locals) : undefined,
      };
      keptOutputs += bytesOfTensors(sample.feeds) + bytesOfTensors(sample.outputs);
      keptLocals += sample.locals ? bytesOfTensors(sample.locals) : 0;
      samples.push(sample);
      work.onProgress?.(
        samples.length,
        slice.length,
        `Float pass: sample ${samples.length} of ${slice.length}`,
      );
    }
  } finally {
    await session.release();
  }
  if (samples.length === 0) throw new InputError('There are no samples to scan with.');
  return { samples, seconds: milliseconds / 1000 };
}

function pick(results: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(
    names.flatMap((name) => {
      const tensor = results[name];
      return tensor ? [[name, tensor] as const] : [];
    }),
  );
}
