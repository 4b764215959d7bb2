import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CancelledError } from '../../core/errors';
import type { CancelSignal, Compute, Work } from '../../core/ports';
import { computeHere } from '../../core/recover/compute';
import type { JobInput, JobName, JobOutput } from '../../core/recover/jobs';
import { InternalError } from '../engineErrors';
import type { JobReply, JobRequest } from './computeWorker';

/** How often a running job looks for a cancel, which then ends its thread. */
const CANCEL_POLL_MS = 50;

export interface ThreadComputeOptions {
  /** As many as there are cores, by default. Each starts when it is first needed. */
  readonly threads?: number;
  /** The bundled entry of a thread. */
  readonly workerPath: string | URL;
}

/** Times as much memory as was asked for that may be given. */
const MOST_EXCESS = 16;

interface Job {
  readonly request: JobRequest;
  readonly signal: CancelSignal | undefined;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs jobs in worker threads, one in each at a time; the others wait in the order they came. `close` ends the threads.
 */
export class ThreadCompute implements Compute {
  readonly threads: number;
  readonly #workerPath: string | URL;
  readonly #idle: Worker[] = [];
  readonly #running = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  /** Memory that was given back, the smallest first: the garbage collector would not see how much it is. */
  readonly #free: SharedArrayBuffer[] = [];
  #poll: NodeJS.Timeout | undefined;

  constructor({ threads = availableParallelism(), workerPath }: ThreadComputeOptions) {
    this.threads = threads;
    this.#workerPath = workerPath;
  }

  /** @throws CancelledError; InternalError when the job or its thread fails. */
  run<J extends JobName>(job: J, input: JobInput<J>, work?: Work): Promise<JobOutput<J>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        request: { job, input },
        signal: work?.signal,
        resolve: (output) => resolve(output as JobOutput<J>),
        reject,
      });
      this.#startNext();
    });
  }

  take(length: number): Float64Array {
    const bytes = length * Float64Array.BYTES_PER_ELEMENT;
    const known = this.#free.findIndex(
      ({ byteLength }) => byteLength >= bytes && byteLength <= MOST_EXCESS * bytes,
    );
    const [buffer = new SharedArrayBuffer(bytes)] = known < 0 ? [] : this.#free.splice(known, 1);
    return new Float64Array(buffer, 0, length);
  }

  give({ buffer }: Float64Array): void {
    if (!(buffer instanceof SharedArrayBuffer) || this.#free.includes(buffer)) return;
    this.#free.push(buffer);
    this.#free.sort((a, b) => a.byteLength - b.byteLength);
  }

  /** Ends all threads; jobs under way and waiting reject. A later job starts new ones. */
  async close(): Promise<void> {
    this.#free.length = 0;
    for (const job of this.#waiting.splice(0)) job.reject(new CancelledError());
    const workers = [...this.#idle.splice(0), ...this.#running.keys()];
    const running = [...this.#running.values()];
    this.#running.clear();
    this.#stopPolling();
    await Promise.all(workers.map((worker) => worker.terminate()));
    for (const job of running) job.reject(new CancelledError());
  }

  #startNext(): void {
    while (this.#waiting.length > 0 && this.#running.size < this.threads) {
      const job = this.#waiting.shift();
      if (!job) return;
      if (job.signal?.aborted) {
        job.reject(new CancelledError());
        continue;
      }
      const worker = this.#idle.pop() ?? this.#newWorker();
      this.#running.set(worker, job);
      worker.ref();
      worker.postMessage(job.request);
      this.#poll ??= setInterval(() => this.#endCancelled(), CANCEL_POLL_MS);
    }
  }

  #newWorker(): Worker {
    const worker = new Worker(this.#workerPath);
    worker.on('message', (reply: JobReply) => {
      const job = this.#finish(worker);
      // The last word of a thread that is being ended.
      if (!job) return;
      // An idle thread does not keep the process alive.
      worker.unref();
      this.#idle.push(worker);
      if ('ok' in reply) job.resolve(reply.ok);
      else job.reject(failure(reply.error));
      this.#startNext();
    });
    worker.on('error', (error) => this.#lose(worker, error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => this.#lose(worker, `it ended with code ${code}`));
    return worker;
  }

  /** The job that the thread was running, which it does no more. */
  #finish(worker: Worker): Job | undefined {
    const job = this.#running.get(worker);
    this.#running.delete(worker);
    if (this.#running.size === 0) this.#stopPolling();
    return job;
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #lose(worker: Worker, reason: string): void {
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#finish(worker)?.reject(failure(reason));
    this.#startNext();
  }

  #endCancelled(): void {
    for (const [worker, job] of [...this.#running]) {
      if (!job.signal?.aborted) continue;
      this.#finish(worker);
      // Only then does nothing write to the job's memory any more.
      void worker.terminate().then(() => job.reject(new CancelledError()));
    }
    this.#startNext();
  }
}

/** Threads where their program stands beside this one, as in dist; the caller's own when it runs from source. */
export function openCompute(): Compute & { close(): Promise<void> } {
  const workerPath = new URL('./computeWorker.mjs', import.meta.url);
  return existsSync(workerPath)
    ? new ThreadCompute({ workerPath })
    : { ...computeHere, close: () => Promise.resolve() };
}

function failure(reason: string): InternalError {
  return new InternalError(`A computing thread of Roundoff failed: ${reason}.`);
}
