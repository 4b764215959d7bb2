/** The built command line, driven as users do. */
import { execFile } from 'node:child_process';

export type VerbResult =
  | { readonly ok: true; readonly json: unknown }
  /** `refused`: it ended by itself with one clear sentence. */
  | { readonly ok: false; readonly refused: boolean; readonly reason: string };

/** Longer than any scheme of a model of the table should take. */
const MOST_MINUTES = 20;
const MOST_OUTPUT_BYTES = 2 ** 28;

/** Runs `roundoff ARGS --json`. */
export function runVerb(cli: string, args: readonly string[]): Promise<VerbResult> {
  const options = {
    timeout: MOST_MINUTES * 60_000,
    // The command line ends its engine when it is asked to end; one that hangs must end all the same.
    killSignal: 'SIGKILL',
    maxBuffer: MOST_OUTPUT_BYTES,
  } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args, '--json'], options, (error, stdout, stderr) => {
      if (!error) resolve({ ok: true, json: JSON.parse(stdout) });
      else if (error.killed) resolve(failure(false, `Ended after ${MOST_MINUTES} minutes.`));
      else resolve(explain(error.code ?? error.signal ?? 'an unknown end', stderr));
    });
  });
}

function explain(code: string | number, stderr: string): VerbResult {
  const lines = stderr.trim().split('\n');
  const message = lines.find((line) => line.startsWith('error: '))?.slice('error: '.length);
  if (message === undefined)
    return failure(false, `Ended with ${code}: ${lines.at(-1) || 'nothing was said'}`);
  const hasStack = lines.some((line) => /^\s+at \S/.test(line));
  // What the runtime says of a model that we wrote is no refusal.
  const isClear =
    !hasStack && (code === 1 || code === 2) && !/ONNX Runtime (?:could not|cannot|ended)/.test(message);
  return failure(isClear, message);
}

function failure(refused: boolean, reason: string): VerbResult {
  return { ok: false, refused, reason };
}
