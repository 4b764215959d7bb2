import type { EngineMethod, Progress } from '../shared/rpc';
import { errorKindOf, errorReplyOf } from './engineErrors';
import type { CallContext, EngineHandlers, FromEngine, ToEngine } from './messages';

/** Shorter intervals cost more than anyone can read. */
const PROGRESS_INTERVAL_MS = 50;

/**
 * Answers calls with `handlers`.
 * @param log what the reply does not carry: the stack of an unexpected error.
 * @returns what to do with each incoming message.
 */
export function serve(
  handlers: EngineHandlers,
  send: (message: FromEngine) => void,
  log: (text: string) => void,
): (message: ToEngine) => void {
  const running = new Map<number, AbortController>();

  async function answer(method: EngineMethod, id: number, request: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const progress = new ProgressReporter((progress) => send({ id, progress }));
    try {
      const handler = handlers[method] as (request: unknown, call: CallContext) => Promise<unknown>;
      const ok = await handler(request, {
        signal: controller.signal,
        report: (update) => progress.report(update),
      });
      progress.flush();
      send({ id, ok });
    } catch (error) {
      progress.flush();
      if (errorKindOf(error) === 'internal' && error instanceof Error) {
        log(`${method}: ${error.stack ?? error.message}\n`);
      }
      send({ id, err: errorReplyOf(error) });
    } finally {
      running.delete(id);
    }
  }

  return (message) => {
    if ('cancel' in message) running.get(message.cancel)?.abort();
    else void answer(message.call, message.id, message.request);
  };
}

/**
 * Throttles progress; candidates and points are never dropped, only sent together. What starts and what the search would go on
 * from is told at once: the process may end at any time.
 */
class ProgressReporter {
  #last = -Infinity;
  #pending: Progress | undefined;

  constructor(private readonly send: (progress: Progress) => void) {}

  report(progress: Progress): void {
    const { candidates, provisional, points, measured } = this.#pending ?? {};
    this.#pending = {
      ...(measured && { measured }),
      ...progress,
      ...joined('candidates', candidates, progress.candidates),
      ...joined('provisional', provisional, progress.provisional),
      ...joined('points', points, progress.points),
    };
    const { starting, trying, tried, result } = progress;
    const isUrgent = starting ?? trying ?? tried ?? result;
    if (isUrgent || performance.now() - this.#last >= PROGRESS_INTERVAL_MS) this.flush();
  }

  flush(): void {
    if (!this.#pending) return;
    this.send(this.#pending);
    this.#pending = undefined;
    this.#last = performance.now();
  }
}

type ListName = 'candidates' | 'provisional' | 'points';

function joined<N extends ListName>(
  name: N,
  before: Progress[N] & readonly unknown[] = [],
  after: Progress[N] & readonly unknown[] = [],
): Pick<Progress, ListName> {
  const all = [...before, ...after];
  return all.length > 0 ? { [name]: all } : {};
}
