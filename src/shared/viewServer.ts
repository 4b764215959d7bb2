import type { ErrorReply } from './rpc';
import type { Methods, ReplyOf, RequestOf, ToHost, ToView } from './viewRpc';

/**
 * Answers one message of a view. Every call gets exactly one reply, also when its handler throws or is unknown.
 * @param describe turns a caught value into what the view shows.
 */
export async function answer<M extends Methods<M>>(
  methods: M,
  message: ToHost<M>,
  describe: (error: unknown) => ErrorReply,
): Promise<ToView<never>> {
  try {
    return { id: message.id, ok: await dispatch(methods, message.method, message.request) };
  } catch (error) {
    return { id: message.id, err: describe(error) };
  }
}

async function dispatch<M extends Methods<M>, K extends keyof M>(
  methods: M,
  method: K,
  request: RequestOf<M, K>,
): Promise<ReplyOf<M, K>> {
  if (!Object.hasOwn(methods, method))
    throw new Error(`The view asked for ${String(method)}, which is unknown.`);
  const handler = methods[method] as (request: RequestOf<M, K>) => Promise<ReplyOf<M, K>>;
  return handler(request);
}

/** Whether a message has the shape of a call. What came through `postMessage` is checked, not believed. */
export function isCall<M extends Methods<M>>(message: unknown): message is ToHost<M> {
  if (typeof message !== 'object' || message === null) return false;
  return 'id' in message && typeof message.id === 'number' && 'method' in message && 'request' in message;
}
