import { indexGraph } from '../../core/graph/graphIndex';
import type { Model } from '../../core/onnx/types';
import { matchPlan } from '../../core/plan/editPlan';
import type { Plan } from '../../core/plan/types';
import type { ModelRequest } from '../../shared/rpc';

/**
 * The plan of a request, with the request's dimensions added, and what to tell about entries that name no node.
 * Weights that changed are the editor's to tell: it compares hashes when the model is opened.
 */
export function planForModel(
  model: Model,
  { plan, dimensions }: Pick<ModelRequest, 'dimensions'> & { readonly plan: Plan },
): { plan: Plan & { dimensions: Readonly<Record<string, number>> }; notes: string[] } {
  const names = indexGraph(model).nodes.map(({ name }) => name);
  const { missing } = matchPlan(plan, names, {});
  return {
    plan: { ...plan, dimensions: { ...plan.dimensions, ...dimensions } },
    notes: missing.map((name) => `The plan names ${name}, which is not in the model.`),
  };
}
