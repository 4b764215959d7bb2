import { RECOVER_STEPS, type Plan, type RecoverStep } from './types';

/** What each step does, for menus and help. */
export const recoverSummaries: Readonly<
  Record<RecoverStep, { readonly label: string; readonly summary: string }>
> = {
  equalize: {
    label: 'Equalization',
    summary: 'evens out the ranges of channels between layers; for tensor-wise and depthwise weights',
  },
  gptq: {
    label: 'GPTQ',
    summary: 'rounds weight by weight, each making up for the errors of those before it',
  },
  inq: {
    label: 'INQ',
    summary: 'fixes the greatest weights first, the others make up for them; for powers of two and tables',
  },
  descent: { label: 'Coordinate descent', summary: 'moves single codes as long as that lowers the error' },
  refit: { label: 'Scale refit', summary: 'fits the scale of each channel to its output' },
  bias: { label: 'Bias correction', summary: 'takes the mean error of each channel off its bias' },
};

/** The sentence about steps that exclude each other; undefined when there is nothing wrong with them. */
export function recoverMistake(steps: readonly RecoverStep[]): string | undefined {
  return steps.includes('gptq') && steps.includes('inq')
    ? 'gptq and inq both choose the codes of weights: give one of them.'
    : undefined;
}

/**
 * A plan that recovers accuracy by these steps, in the order in which they are done; by none: weights are rounded to the nearest.
 * @throws RangeError for steps that exclude each other (see `recoverMistake`).
 */
export function withRecover(plan: Plan, steps: readonly RecoverStep[]): Plan {
  const mistake = recoverMistake(steps);
  if (mistake !== undefined) throw new RangeError(mistake);
  const { recover: _, ...rest } = plan;
  const ordered = RECOVER_STEPS.filter((step) => steps.includes(step));
  return ordered.length > 0 ? { ...rest, recover: { steps: ordered } } : rest;
}
