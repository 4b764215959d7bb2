import type { EngineMethod, EngineMethods, Progress } from '../shared/rpc';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** A cancel that the engine is too busy to answer does not end it, and with it what else it does. */
  readonly isGentle?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

/** The part of the engine's client that the editor uses; tests put a small one in its place. */
export interface SessionEngine {
  call<M extends EngineMethod>(
    method: M,
    request: Parameters<EngineMethods[M]>[0],
    options?: CallOptions,
  ): Promise<Awaited<ReturnType<EngineMethods[M]>>>;
}
