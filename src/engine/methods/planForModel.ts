import { indexGraph } from '../../core/graph/graphIndex';
import { findLayers } from '../../core/graph/layers';
import { inferShapes } from '../../core/graph/shapes';
import { matchPlan, needsData } from '../../core/plan/editPlan';
import type { Plan } from '../../core/plan/types';
import type { Work } from '../../core/ports';
import type { ModelRequest } from '../../shared/rpc';
import type { OpenedModel } from '../files/modelFile';
import { weightHashes } from '../inspect';

/** What to tell of a model that no plan can change. */
export function unchangedNotes(layers: readonly unknown[]): string[] {
  return layers.length === 0 ? ['Nothing was quantized: the model has no layer with constant weights.'] : [];
}

export interface PlanForModel {
  readonly plan: Plan & { readonly dimensions: Readonly<Record<string, number>> };
  /** True when the plan cannot be applied without running the model on data. */
  readonly mustRun: boolean;
  /** What to tell about entries that no longer fit. */
  readonly notes: string[];
}

/**
 * The plan of a request, with the request's dimensions added, and what to tell about entries that no longer fit the
 * model. Such entries are kept: what they say still holds for the node of that name, if there is one.
 */
export async function planForModel(
  opened: OpenedModel,
  { plan, dimensions }: Pick<ModelRequest, 'dimensions'> & { readonly plan: Plan },
  work: Work = {},
): Promise<PlanForModel> {
  const index = indexGraph(opened.model);
  const names = index.nodes.map(({ name }) => name);
  const recorded = Object.values(plan.layers).some(({ weightHash }) => weightHash !== undefined);
  const { missing, changed } = matchPlan(plan, names, recorded ? await weightHashes(opened, work) : {});
  const sizes = { ...plan.dimensions, ...dimensions };
  return {
    plan: { ...plan, dimensions: sizes },
    mustRun: needsData(plan, findLayers(index, inferShapes(index, sizes))),
    notes: [
      ...missing.map((name) => `The plan names ${name}, which is not in the model.`),
      ...changed.map(
        (name) => `The weight of ${name} is not the one that its entry in the plan was made for.`,
      ),
    ],
  };
}
