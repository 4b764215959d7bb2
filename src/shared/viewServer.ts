import type { ErrorReply } from './rpc';
import type { ToHost, ToView, ViewMethod, ViewMethods, ViewReply, ViewRequest } from './viewRpc';

/**
 * Answers one message of a view. Every call gets exactly one reply, also when its handler throws or is unknown.
 * @param describe turns a caught value into what the view shows.
 */
export async function answer(
  methods: ViewMethods,
  message: ToHost,
  describe: (error: unknown) => ErrorReply,
): Promise<ToView> {
  try {
    return { id: message.id, ok: await dispatch(methods, message.method, message.request) };
  } catch (error) {
    return { id: message.id, err: describe(error) };
  }
}

async function dispatch<M extends ViewMethod>(
  methods: ViewMethods,
  method: M,
  request: ViewRequest<M>,
): Promise<ViewReply<M>> {
  if (!Object.hasOwn(methods, method))
    throw new Error(`The view asked for ${String(method)}, which is unknown.`);
  const handler = methods[method] as (request: ViewRequest<M>) => Promise<ViewReply<M>>;
  return handler(request);
}

/** Whether a message has the shape of a call. What came through `postMessage` is checked, not believed. */
export function isCall(message: unknown): message is ToHost {
  if (typeof message !== 'object' || message === null) return false;
  return 'id' in message && typeof message.id === 'number' && 'method' in message && 'request' in message;
}
