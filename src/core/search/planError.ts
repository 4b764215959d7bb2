import type { SampleFigures } from '../scan/sampleFigures';
import { summarize, type Summary } from '../scan/summary';
import { nmseOf } from './searchLayer';

/** The error of a plan over samples, and what they tell besides. */
export interface PlanError extends Summary {
  /** KL in nats with NMSE of outputs without classes, or the mean NMSE of the outputs. */
  readonly error: number;
}

export function figuresError(figures: readonly SampleFigures[], metric: 'kl' | 'nmse'): PlanError {
  const summary = summarize(figures, metric);
  if (metric === 'kl') return { ...summary, error: Math.max(0, summary.sensitivity) };
  // `summarize` adds up the outputs.
  const outputs = Math.max(1, figures[0]?.errors.length ?? 1);
  const standardError = summary.standardError === null ? null : summary.standardError / outputs;
  return { ...summary, error: nmseOf(summary.sqnrDb), standardError };
}
