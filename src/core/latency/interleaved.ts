import { throwIfCancelled } from '../errors';
import type { Work } from '../ports';

/** The middle value; the mean of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Rounds of runs, and those before them that are not counted. */
export interface Rounds {
  readonly rounds: number;
  readonly warmup: number;
}

/** Median milliseconds of single runs of two functions in turns (see `timesInterleaved`). */
export async function medianInterleaved(
  runA: () => Promise<unknown>,
  runB: () => Promise<unknown>,
  rounds: Rounds,
  work: Work = {},
): Promise<{ a: number; b: number }> {
  const { a, b } = await timesInterleaved(runA, runB, rounds, work);
  return { a: median(a), b: median(b) };
}

/**
 * Milliseconds of single runs of two functions, alternating, so that what the machine does meanwhile hits both alike; which goes
 * first alternates too. `warmup` runs of each are not counted.
 */
export async function timesInterleaved(
  runA: () => Promise<unknown>,
  runB: () => Promise<unknown>,
  { rounds, warmup }: Rounds,
  work: Work = {},
): Promise<{ a: number[]; b: number[] }> {
  const times = { a: [] as number[], b: [] as number[] };
  for (let round = -warmup; round < rounds; round++) {
    const order = round % 2 === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const);
    for (const which of order) {
      throwIfCancelled(work.signal);
      const start = performance.now();
      await (which === 'a' ? runA() : runB());
      if (round >= 0) times[which].push(performance.now() - start);
    }
    work.onProgress?.(round + warmup + 1, rounds + warmup, 'Measuring latency');
  }
  return times;
}
