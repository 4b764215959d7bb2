import type { GraphIndex } from '../graph/graphIndex';
import type { Shapes } from '../graph/shapes';
import { numericShape } from '../graph/shapeRules/facts';
import { ownersOf } from './kernelOwners';

/** A value that one layer, or what goes with it, computes and others read. */
export interface Crossing {
  readonly from: string;
  readonly to: readonly string[];
  /** 0: unknown. */
  readonly elements: number;
  readonly rank: number;
}

/**
 * The values that pass from layer to layer, where nodes without weights go with the layer before them (see `ownersOf`). Inputs of
 * the model are none: what quantizes them stands in every model in which their layer is quantized.
 * @param layers names of the model's layers.
 */
export function crossingsOf(index: GraphIndex, shapes: Shapes, layers: ReadonlySet<string>): Crossing[] {
  const { main } = index;
  if (!main) return [];
  const owners = ownersOf(index, layers);
  const crossings: Crossing[] = [];
  for (const ref of index.nodesOf(main)) {
    const from = owners.get(ref);
    if (from === undefined) continue;
    for (const value of ref.node.output) {
      const readers = index.consumers(main, value).flatMap((each) => owners.get(each) ?? []);
      const to = [...new Set(readers)].filter((owner) => owner !== from);
      if (value === '' || to.length === 0) continue;
      const shape = shapes.of(main, value);
      const elements = numericShape(shape)?.reduce((count, size) => count * size, 1) ?? 0;
      crossings.push({ from, to, elements, rank: shape?.length ?? 0 });
    }
  }
  return crossings;
}
