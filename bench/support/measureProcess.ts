import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** One program from start to end, with the processes that it started. */
export interface MeasuredProcess {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** Sum of the peak resident memory of each process of the tree; NaN where there is no /proc. */
  readonly peakBytes: number;
}

const POLL_MS = 20;

/** Runs a program to its end. The kernel keeps the peak of each process (VmHWM); it is read until the process is gone. */
export function measureProcess(command: string, args: readonly string[]): Promise<MeasuredProcess> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const peaks = new Map<number, number>();
    const poll = () => {
      if (child.pid !== undefined) for (const pid of treeOf(child.pid)) notePeak(peaks, pid);
    };
    const timer = setInterval(poll, POLL_MS);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.on('close', (exitCode) => {
      clearInterval(timer);
      const peakBytes = peaks.size > 0 ? [...peaks.values()].reduce((sum, peak) => sum + peak) : NaN;
      resolve({ exitCode, stdout, stderr, seconds: (performance.now() - start) / 1000, peakBytes });
    });
  });
}

/** A process and its descendants, as far as they are there now. */
function treeOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(treeOf)];
  } catch {
    return [];
  }
}

function notePeak(peaks: Map<number, number>, pid: number): void {
  try {
    const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (peak !== undefined) peaks.set(pid, Number(peak) * 1024);
  } catch {
    // It ended in between.
  }
}
