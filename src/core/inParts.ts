import { throwIfCancelled } from './errors';
import type { Work } from './ports';

/** A computation that is interrupted after each part; what it returns is the result. */
export type Parts<T> = Generator<undefined, T, undefined>;

/** A cancel is to be heard within a second, also where the machine is busy and one part takes as long as this. */
const UNHEARD_MS = 50;

/**
 * Does the parts one after another, and pauses between them, so that a cancel is heard.
 * @throws CancelledError
 */
export async function inParts<T>(parts: Parts<T>, { signal, pause }: Work = {}): Promise<T> {
  let heard = performance.now();
  for (;;) {
    throwIfCancelled(signal);
    const next = parts.next();
    if (next.done) return next.value;
    if (!pause || performance.now() - heard < UNHEARD_MS) continue;
    await pause();
    heard = performance.now();
  }
}

/** Does all parts at once. */
export function atOnce<T>(parts: Parts<T>): T {
  for (;;) {
    const next = parts.next();
    if (next.done) return next.value;
  }
}
