import type { OutputDescription } from '../../core/graph/types';
import type { Plan } from '../../core/plan/types';
import type { ModelSummary } from '../../core/results';

/** What the outputs of a model mean: as detected, or as the plan says. */
export function outputsOf({ outputs }: Pick<ModelSummary, 'outputs'>, plan: Plan): OutputDescription[] {
  return outputs.map(({ name, kind, classAxis }) => ({
    name,
    kind,
    ...(classAxis !== null && { classAxis }),
    ...(plan.outputs && Object.hasOwn(plan.outputs, name) ? plan.outputs[name] : {}),
  }));
}
