import type { MethodRequest, MethodResult } from '../engine/messages';
import type { EngineMethod } from '../shared/rpc';
import type { CliIo } from './cliIo';
import { ProgressLine } from './progressLine';

/** One call of the engine with progress on stderr; the engine ends afterwards. */
export async function callEngine<M extends EngineMethod>(
  io: CliIo,
  method: M,
  request: MethodRequest<M>,
): Promise<MethodResult<M>> {
  const engine = io.openEngine();
  const progress = new ProgressLine(io);
  try {
    return await engine.call(method, request, { signal: io.signal, onProgress: progress.update });
  } finally {
    progress.clear();
    engine.dispose();
  }
}
