import { fileURLToPath } from 'node:url';
import { EngineClient } from '../engine/client';
import { ExitCode } from './cliIo';
import { runCli } from './program';

const controller = new AbortController();
const engines: EngineClient[] = [];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first asks the work to stop and clean up; a second does not wait for it.
    if (controller.signal.aborted) process.exit(ExitCode.cancelled);
    controller.abort();
  });
}
// `roundoff inspect model.onnx | head` closes the pipe early: nothing to complain about.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(ExitCode.done);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stderrIsTerminal: process.stderr.isTTY,
  signal: controller.signal,
  openEngine: () => {
    const enginePath = fileURLToPath(new URL('./engine.mjs', import.meta.url));
    const engine = new EngineClient({ enginePath });
    engines.push(engine);
    return engine;
  },
});
for (const engine of engines) engine.dispose();
