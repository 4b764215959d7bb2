/**
 * What travels over the IPC channel between `EngineClient` and the engine process. A call is answered by exactly one
 * reply with its id; progress with the id may come before. A cancelled call is still answered, usually with `err`.
 */
import type { EngineMethod, EngineMethods, ErrorReply, Progress } from '../shared/rpc';

export type MethodRequest<M extends EngineMethod> = Parameters<EngineMethods[M]>[0];
export type MethodResult<M extends EngineMethod> = Awaited<ReturnType<EngineMethods[M]>>;

export type ToEngine =
  | { readonly call: EngineMethod; readonly id: number; readonly request: unknown }
  /** Asks the call to stop at its next check. */
  | { readonly cancel: number };

export type FromEngine =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly err: ErrorReply }
  | { readonly id: number; readonly progress: Progress }
  /** Temporary files that exist now; whoever outlives the engine removes them. */
  | { readonly temporaryFiles: readonly string[] };

/** What a method of the engine is given besides its request. */
export interface CallContext {
  readonly signal: AbortSignal;
  readonly report: (progress: Progress) => void;
}

/** The engine's side of `EngineMethods`. */
export type EngineHandlers = {
  readonly [M in EngineMethod]: (request: MethodRequest<M>, call: CallContext) => Promise<MethodResult<M>>;
};
