import { throwIfCancelled } from '../errors';
import type { Session, Slice, Work } from '../ports';
import type { OutputError } from '../results';
import { OutputErrors } from '../calibrate/outputErrors';

/**
 * Runs both models over `slice` and tells the error at each output of the second. Memory: one sample.
 * @throws RoundoffError when the outputs differ in name or shape, or one is finite where the other is not.
 */
export async function verify(
  float: Session,
  quantized: Session,
  slice: Slice,
  work: Work = {},
): Promise<{ samples: number; outputs: OutputError[]; notes: string[] }> {
  const errors = new OutputErrors();
  for await (const { feeds } of slice.samples()) {
    throwIfCancelled(work.signal);
    const reference = await float.run(feeds);
    throwIfCancelled(work.signal);
    errors.add(reference, await quantized.run(feeds));
    work.onProgress?.(errors.samples, slice.length, `Verifying: sample ${errors.samples} of ${slice.length}`);
  }
  return { samples: errors.samples, outputs: errors.toJson(), notes: errors.notes() };
}
