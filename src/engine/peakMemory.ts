import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CancelledError } from '../core/errors';
import type { Feeds } from '../core/ports';
import { RuntimeFailure } from './engineErrors';
import { plainEnvironment } from './engineMemory';
import { openRuntime } from './runtime/ortRuntime';

/** Argument that makes the engine's program a process which measures one model and ends. */
export const PEAK_MEMORY_ARGUMENT = '--measure-peak-memory';

const RUNS = 3;

interface PeakMemoryRequest {
  readonly file: string;
  readonly feeds: Feeds;
}

/**
 * Peak resident memory, in bytes, of a process of its own that loads the model at full optimization and runs one sample
 * a few times. Node and the runtime are included: about 90 MB.
 * @throws RuntimeFailure when the process ends without an answer.
 */
export function peakMemoryOf(file: string, feeds: Feeds, signal: AbortSignal): Promise<number> {
  const program = process.argv[1] ?? '';
  return new Promise((resolve, reject) => {
    const child = fork(program, [PEAK_MEMORY_ARGUMENT], {
      execArgv: [],
      env: plainEnvironment(process.env),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      signal,
      killSignal: 'SIGKILL',
    });
    child.on('message', (bytes) => resolve(bytes as number));
    child.on('error', (error) => reject(signal.aborted ? new CancelledError() : error));
    child.on('exit', (code, killed) =>
      reject(
        signal.aborted
          ? new CancelledError()
          : new RuntimeFailure(
              `The memory of ${file} cannot be measured: the run ended with ${killed ?? code}.`,
            ),
      ),
    );
    child.send({ file, feeds } satisfies PeakMemoryRequest, (error) => error && reject(error));
  });
}

/** The other side: waits for one request, answers and ends. */
export function servePeakMemory(): void {
  process.on('disconnect', () => process.exit(0));
  process.once('message', (message) => {
    measure(message as PeakMemoryRequest).then(
      (bytes) => process.send?.(bytes, undefined, {}, () => process.exit(0)),
      () => process.exit(1),
    );
  });
}

async function measure({ file, feeds }: PeakMemoryRequest): Promise<number> {
  const session = await (await openRuntime()).openFile(file, { optimization: 'full' });
  for (let run = 0; run < RUNS; run++) await session.run(feeds);
  return peakResidentBytes();
}

function peakResidentBytes(): number {
  // On Linux getrusage also counts what the parent had resident when it forked; VmHWM does not.
  const highWater =
    process.platform === 'linux' ? /VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) : null;
  return Number(highWater?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}
