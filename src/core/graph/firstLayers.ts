import type { LayerRow } from '../results';
import { describeRows } from './describeRows';
import type { GraphIndex } from './graphIndex';
import { inferShapes } from './shapes';
import { checkDimensions, type Dimensions } from './symbolSizes';
import type { NodeRef } from './types';

/**
 * The layers among the first nodes of a model, each with all that `summarizeModel` tells of it: what comes before a layer decides
 * its shapes, and the rest is known from the index. So they take no longer for a large model than for a small one.
 * @returns none where the file has nodes before those that they need.
 * @throws InputError for a dimension that is not a whole number from 0.
 */
export function firstLayers(index: GraphIndex, dimensions: Dimensions, mostNodes: number): LayerRow[] {
  checkDimensions(dimensions);
  const { main } = index;
  const refs = main ? index.nodesOf(main).slice(0, mostNodes) : [];
  if (!refs.every((ref) => followsItsNeeds(index, ref))) return [];
  return describeRows(index, inferShapes(index, dimensions, refs), refs).layers;
}

function followsItsNeeds(index: GraphIndex, ref: NodeRef): boolean {
  return index.needs(ref).every((needed) => needed.index < ref.index);
}
