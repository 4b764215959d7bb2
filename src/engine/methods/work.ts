import { setImmediate } from 'node:timers/promises';
import type { Work } from '../../core/ports';
import type { CallContext } from '../messages';

/** The call's cancel signal, progress and turn-taking as core takes them. */
export function workOf({ signal, report }: CallContext): Work {
  return {
    signal,
    onProgress: (done, total, message) => report({ done, total, message }),
    pause: () => setImmediate(),
  };
}
