/** The view's one line to the extension host: typed calls, events, and the state that survives hide and reload. */
import { inMessageParts, MessageJoiner } from '../src/shared/messageParts';
import type { ErrorReply } from '../src/shared/rpc';
import type { Methods, ReplyOf, RequestOf, ToView, ViewEvent, ViewMethods } from '../src/shared/viewRpc';

/** A call that the host answered with an error; `message` is a sentence for the user. */
export class HostError extends Error {
  constructor(readonly reply: ErrorReply) {
    super(reply.message);
  }
}

/** How messages travel; the webview's API, or a test's. */
export interface Wire {
  post(message: unknown): void;
  listen(receive: (message: unknown) => void): void;
}

/** @typeParam M what this kind of view can call. @typeParam E what it is told without asking. */
export class Host<M extends Methods<M> = ViewMethods, E extends { event: string } = ViewEvent> {
  readonly #wire: Wire;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(event: E) => void>();
  #nextId = 1;

  constructor(wire: Wire) {
    this.#wire = wire;
    const joiner = new MessageJoiner();
    wire.listen((part) => {
      const message = joiner.add(part);
      if (message !== undefined) this.#receive(message as ToView<E>);
    });
  }

  /** @throws HostError with the host's sentence. */
  call<K extends keyof M>(method: K, request: RequestOf<M, K>): Promise<ReplyOf<M, K>> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as ReplyOf<M, K>), reject });
      for (const part of inMessageParts({ id, method, request })) this.#wire.post(part);
    });
  }

  onEvent(listener: (event: E) => void): void {
    this.#listeners.add(listener);
  }

  #receive(message: ToView<E>): void {
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
