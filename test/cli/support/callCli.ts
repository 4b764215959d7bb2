import type { CliIo, Engine } from '../../../src/cli/cliIo';
import { runCli } from '../../../src/cli/program';
import type { MethodRequest, MethodResult } from '../../../src/engine/messages';
import { engineService } from '../../../src/engine/service';
import type { EngineMethod } from '../../../src/shared/rpc';

export interface CliOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The engine's methods in this process: fast, and enough for everything but crashes and memory. */
const localEngine: Engine = {
  async call<M extends EngineMethod>(
    method: M,
    request: MethodRequest<M>,
    { signal = new AbortController().signal, onProgress = () => undefined } = {},
  ): Promise<MethodResult<M>> {
    const handler = engineService[method];
    return handler(request, { signal, report: onProgress });
  },
  dispose: () => undefined,
};

/** The command line as a function: arguments in, exit code and output out. */
export async function callCli(args: readonly string[], io: Partial<CliIo> = {}): Promise<CliOutcome> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(args, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    stderrIsTerminal: false,
    signal: new AbortController().signal,
    openEngine: () => localEngine,
    ...io,
  });
  return { exitCode, stdout, stderr };
}
