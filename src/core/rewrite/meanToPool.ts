import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import { inferShapes } from '../graph/shapes';
import type { NodeRef } from '../graph/types';
import { attrInt, attrInts, normalDomain } from '../onnx/attributes';
import { makeNode } from '../onnx/build';
import { derive } from '../onnx/origin';
import { DataType, type Model } from '../onnx/types';
import { GraphChanges } from './graphChanges';
import { intsConstant } from './inlineConstants';

/**
 * Writes a mean over all spatial axes of an image as GlobalAveragePool (and Flatten where the axes go away): the
 * runtime has an integer kernel for the pool, but none for ReduceMean. The node keeps its name.
 */
export function meanToPool(model: Model): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main || !index.nodesOf(main).some(isMean)) return model;
  const shapes = inferShapes(index);
  const changes = new GraphChanges(model);
  for (const ref of index.nodesOf(main)) {
    if (!isMean(ref)) continue;
    const [input = ''] = ref.node.input;
    const rank = shapes.of(main, input)?.length;
    if (
      rank !== 4 ||
      shapes.dtypeOf(main, input) !== (DataType.FLOAT as number) ||
      !isSpatial(index, ref, rank)
    )
      continue;
    const [output = ''] = ref.node.output;
    const keepsAxes = attrInt(ref.node, 'keepdims', 1) !== 0;
    const pooled = keepsAxes ? output : changes.fresh(`${output}_pooled`);
    const pool = derive(ref.node, {
      opType: 'GlobalAveragePool',
      input: [input],
      output: [pooled],
      attribute: [],
    });
    const flatten = makeNode({
      opType: 'Flatten',
      name: changes.fresh(`${ref.name}_Flatten`),
      input: [pooled],
      output: [output],
    });
    changes.replace(ref.node, ...(keepsAxes ? [pool] : [pool, flatten]));
  }
  return changes.apply();
}

function isMean({ node }: NodeRef): boolean {
  return node.opType === 'ReduceMean' && normalDomain(node.domain) === '';
}

/** True when the reduced axes are all but the first two. */
function isSpatial(index: GraphIndex, { node, scope }: NodeRef, rank: number): boolean {
  const axes = attrInts(node, 'axes') ?? intsConstant(index, scope, node.input[1] ?? '');
  const reduced = new Set(axes?.map((axis) => (axis < 0 ? axis + rank : axis)));
  return reduced.size === rank - 2 && !reduced.has(0) && !reduced.has(1);
}
