/** Which steps make up for the errors of weights, and for which formats. Free of vscode. */
import { recoverMistake, recoverSummaries } from '../../core/plan/recover';
import { RECOVER_STEPS, type RecoverStep } from '../../core/plan/types';
import type { RowFormat } from '../../core/quant/layerFormat';
import { codebookKind } from '../../core/quant/scheme';

export interface StepItem {
  readonly label: string;
  readonly description: string;
  readonly step: RecoverStep;
}

/** What a user chooses from, in the order in which it is done. */
export const stepItems: readonly StepItem[] = RECOVER_STEPS.map((step) => {
  const { label, summary } = recoverSummaries[step];
  return { label, description: summary, step };
});

/** Of those, what can be done to each layer on its own: what scans and searches can take. */
export const loneStepItems: readonly StepItem[] = stepItems.filter(
  ({ step }) => recoverMistake([step], { sequential: false }) === undefined,
);

/** The steps that were stored, where they still are steps of `loneStepItems`. */
export function rememberedSteps(stored: unknown): RecoverStep[] {
  const texts: readonly unknown[] = Array.isArray(stored) ? stored : [];
  const steps = loneStepItems.map(({ step }) => step).filter((step) => texts.includes(step));
  return recoverMistake(steps) === undefined ? steps : [];
}

/** True for a format with fewer codes than 8 bits have: rounding to the nearest loses accuracy that can be won back. */
export function hasFewCodes({ scheme }: RowFormat): boolean {
  if (scheme === 'auto') return false;
  return scheme === 'w4' || (codebookKind(scheme)?.entries ?? 256) < 256;
}

/** The steps to begin with. Powers of two, whose greatest steps are the coarsest, gain more by INQ than by GPTQ. */
export function suggestedSteps(formats: readonly RowFormat[]): RecoverStep[] {
  const coarse = formats.filter(hasFewCodes);
  const powers = coarse.filter(({ scheme }) => scheme.startsWith('pow2'));
  return [2 * powers.length > coarse.length ? 'inq' : 'gptq', 'refit', 'bias'];
}

/** `selected` without what excludes a step that was not among `before`: the last choice counts. */
export function withoutExcluded<T extends Pick<StepItem, 'step'>>(
  selected: readonly T[],
  before: readonly T[],
): readonly T[] {
  if (recoverMistake(selected.map(({ step }) => step)) === undefined) return selected;
  const isOld = ({ step }: T): boolean => before.some((item) => item.step === step);
  const rest = selected.filter(({ step }) => step !== 'gptq' && step !== 'inq');
  const rivals = selected.filter((item) => !rest.includes(item));
  const newest = rivals.find((item) => !isOld(item)) ?? rivals[0];
  return selected.filter((item) => rest.includes(item) || item === newest);
}

/** `GPTQ, scale refit and bias correction`. */
export function stepsText(steps: readonly RecoverStep[]): string {
  const labels = steps.map((step, at) => {
    const { label } = recoverSummaries[step];
    const isName = label === label.toUpperCase();
    return at === 0 || isName ? label : label.toLowerCase();
  });
  const last = labels.at(-1) ?? 'nothing';
  return labels.length > 1 ? `${labels.slice(0, -1).join(', ')} and ${last}` : last;
}
