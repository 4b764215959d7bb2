/** The view's one line to the extension host: typed calls, events, and the state that survives hide and reload. */
import type { ErrorReply } from '../src/shared/rpc';
import type { ToView, ViewEvent, ViewMethod, ViewReply, ViewRequest } from '../src/shared/viewRpc';

/** A call that the host answered with an error; `message` is a sentence for the user. */
export class HostError extends Error {
  constructor(readonly reply: ErrorReply) {
    super(reply.message);
  }
}

/** How messages travel; the webview's API, or a test's. */
export interface Wire {
  post(message: unknown): void;
  listen(receive: (message: ToView) => void): void;
}

export class Host {
  readonly #wire: Wire;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(event: ViewEvent) => void>();
  #nextId = 1;

  constructor(wire: Wire) {
    this.#wire = wire;
    wire.listen((message) => this.#receive(message));
  }

  /** @throws HostError with the host's sentence. */
  call<M extends ViewMethod>(method: M, request: ViewRequest<M>): Promise<ViewReply<M>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as ViewReply<M>), reject });
      this.#wire.post({ id, method, request });
    });
  }

  onEvent(listener: (event: ViewEvent) => void): void {
    this.#listeners.add(listener);
  }

  #receive(message: ToView): void {
    if ('event' in message) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('err' in message) call?.reject(new HostError(message.err));
    else call?.resolve(message.ok);
  }
}
