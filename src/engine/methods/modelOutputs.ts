import { indexGraph } from '../../core/graph/graphIndex';
import { describeOutputs, type OutputOverrides } from '../../core/graph/outputs';
import { inferShapes } from '../../core/graph/shapes';
import type { OutputDescription } from '../../core/graph/types';
import type { Model } from '../../core/onnx/types';

/** What the outputs of a model mean: detected, or as the plan says. */
export function outputsOf(
  model: Model,
  dimensions: Readonly<Record<string, number>> = {},
  overrides?: OutputOverrides,
): OutputDescription[] {
  const index = indexGraph(model);
  return describeOutputs(index, inferShapes(index, dimensions), overrides);
}
