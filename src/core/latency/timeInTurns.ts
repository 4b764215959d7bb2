import { timesInterleaved } from './interleaved';
import type { Feeds, Session, Work } from '../ports';

/** Milliseconds that are spent on timing two models against each other, and the rounds that may be. */
const TIMING = { milliseconds: 600, least: 10, most: 100 };

/**
 * Milliseconds of one run of two models, measured in turns: of each the fastest. What else a machine does only ever adds, and adds
 * much to kernels that wait for threads on other cores: on a busy one medians were ten times as long, and by no means alike.
 * @throws CancelledError, RoundoffError
 */
export async function timeInTurns(
  float: Session,
  other: Session,
  feeds: Feeds,
  { signal }: Work,
): Promise<{ float: number; other: number }> {
  const runs = [() => float.run(feeds), () => other.run(feeds)] as const;
  // The first runs take longer: they make room and arrange weights.
  await runs[0]();
  await runs[1]();
  const start = performance.now();
  await runs[0]();
  await runs[1]();
  const rounds = within(TIMING.milliseconds / (performance.now() - start), TIMING);
  const { a, b } = await timesInterleaved(...runs, { rounds, warmup: 0 }, { signal });
  return { float: Math.min(...a), other: Math.min(...b) };
}

/** A whole number between bounds. */
export function within(
  value: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  return Math.min(most, Math.max(least, Math.round(value)));
}
