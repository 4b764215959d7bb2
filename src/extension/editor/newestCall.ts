import { CancelledError } from '../../core/errors';
import type { EngineMethod, EngineMethods } from '../../shared/rpc';
import type { SessionEngine } from '../sessionEngine';

/**
 * One kind of call to the engine of which only the newest matters, as the selection moves on: it ends the call before it and
 * starts when that has ended, so that a selection that runs through large weights leaves no queue behind. The cancel is
 * gentle: a busy engine goes on with what else it does.
 */
export class NewestCall<M extends EngineMethod> {
  #controller = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly engine: SessionEngine,
    private readonly method: M,
  ) {}

  /** @throws CancelledError when a newer call came, or whatever the engine says. */
  async call(request: Parameters<EngineMethods[M]>[0]): Promise<Awaited<ReturnType<EngineMethods[M]>>> {
    this.cancel();
    const { signal } = this.#controller;
    const before = this.#running;
    const running = before.then(() => {
      if (signal.aborted) throw new CancelledError();
      return this.engine.call(this.method, request, { signal, isGentle: true });
    });
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Ends the call under way, if there is one. */
  cancel(): void {
    this.#controller.abort();
    this.#controller = new AbortController();
  }
}
