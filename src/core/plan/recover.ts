import { InputError } from '../errors';
import type { SchemeId } from '../quant/scheme';
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

/** Whether layers are recovered one after another, or each on its own. */
export interface RecoverOrder {
  /** True when absent. */
  readonly sequential?: boolean | undefined;
}

/** The sentence about steps that exclude each other, or the order; undefined when there is nothing wrong with them. */
export function recoverMistake(
  steps: readonly RecoverStep[],
  { sequential = true }: RecoverOrder = {},
): string | undefined {
  if (steps.includes('gptq') && steps.includes('inq'))
    return 'gptq and inq both choose the codes of weights: give one of them.';
  if (steps.includes('equalize') && !sequential)
    return 'equalize changes layers together, so that none can be recovered on its own: leave it out.';
  return undefined;
}

/**
 * A plan that recovers accuracy by these steps, in the order in which they are done; by none: weights are rounded to the nearest.
 * @throws RangeError for steps that exclude each other, or the order (see `recoverMistake`).
 */
export function withRecover(
  plan: Plan,
  steps: readonly RecoverStep[],
  { sequential = true }: RecoverOrder = {},
): Plan {
  const mistake = recoverMistake(steps, { sequential });
  if (mistake !== undefined) throw new RangeError(mistake);
  const { recover: _, ...rest } = plan;
  const ordered = RECOVER_STEPS.filter((step) => steps.includes(step));
  if (ordered.length === 0) return rest;
  return { ...rest, recover: { steps: ordered, ...(!sequential && { sequential }) } };
}

/**
 * The plan in which each layer is recovered on its own, as scans and searches do; one without a recipe as it is.
 * @throws InputError for a recipe that changes layers together.
 */
export function recoveringAlone(plan: Plan): Plan {
  const { steps = [] } = plan.recover ?? {};
  const mistake = recoverMistake(steps, { sequential: false });
  if (mistake !== undefined) throw new InputError(mistake);
  return withRecover(plan, steps, { sequential: false });
}

/** True for formats that store weights as codes, which a recipe can choose. */
export function hasCodes(scheme: SchemeId): boolean {
  return !['auto', 'float', 'fp16'].includes(scheme);
}

/** The steps in one word, which names candidates and columns: `gptq,bias`; undefined for a plan that has none. */
export function recoverWord({ recover }: Pick<Plan, 'recover'>): string | undefined {
  return recover?.steps.join(',');
}
