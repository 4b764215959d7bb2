import { throwIfCancelled } from '../errors';
import type { Compute } from '../ports';
import { computeJobs, type JobInput, type JobName, type JobOutput } from './jobs';

/** Products below which a job takes less time than to send it elsewhere. */
const SMALL = 1e6;

/** Runs jobs where it is called, one after another. */
export const computeHere: Compute = {
  threads: 1,
  async run<J extends JobName>(
    job: J,
    input: JobInput<J>,
    work: Parameters<Compute['run']>[2],
  ): Promise<JobOutput<J>> {
    throwIfCancelled(work?.signal);
    return (computeJobs[job] as (given: JobInput<J>) => JobOutput<J>)(input);
  },
  take: (length) => new Float64Array(length),
  give: () => undefined,
};

/** Where to run jobs of so many products each. */
export function computeFor(compute: Compute, products: number): Compute {
  return products < SMALL ? computeHere : compute;
}

/** Divides rows into as many parts as `compute` has threads; calls `run` for all at once. */
export async function inParts(
  compute: Compute,
  rows: number,
  run: (from: number, count: number) => Promise<void>,
): Promise<void> {
  // Whole tiles of three rows.
  const share = 3 * Math.ceil(rows / compute.threads / 3);
  const parts: Promise<void>[] = [];
  for (let from = 0; from < rows; from += share) parts.push(run(from, Math.min(share, rows - from)));
  // All of them end before their memory is used again.
  await Promise.allSettled(parts);
  await Promise.all(parts);
}
