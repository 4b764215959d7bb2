import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import { operatorKey } from '../graph/operands';
import type { Layer, NodeRef } from '../graph/types';
import type { Model } from '../onnx/types';
import { cutBefore, type KnownValues } from '../graph/suffix';
import type { LayerUnit } from './unitOutput';

/** The part of a float model that computes one layer's unit. */
export interface LayerExcerpt {
  readonly index: GraphIndex;
  /** The layer in it. */
  readonly layer: Layer;
}

/**
 * Cuts a layer's unit out of the model: `rewrite` makes of that part what it would make of the whole, in the time that the part
 * takes.
 * @param model prepared; of the layer's own model, or one that computes the same values.
 * @returns undefined where the surroundings count: the layer is in a function, or the model has Q/DQ pairs beside it.
 */
export function excerptOf(
  model: Model,
  layer: Layer,
  { behind, gives }: LayerUnit,
  known: KnownValues,
): LayerExcerpt | undefined {
  const whole = indexGraph(model);
  if (!behind || standsAtPair(whole, layer.ref, gives)) return undefined;
  const index = indexGraph(cutBefore(model, gives, known).model);
  const ref = index.nodeNamed(layer.name);
  return ref && { index, layer: { ...layer, ref } };
}

/** True when the model has a pair on what a layer reads, or on what its unit gives. */
function standsAtPair(index: GraphIndex, { node, scope }: NodeRef, gives: readonly string[]): boolean {
  const around = node.input.flatMap((value) => [
    index.producer(scope, value),
    ...index.consumers(scope, value),
  ]);
  const { main } = index;
  const readers = main ? gives.flatMap((value) => index.consumers(main, value)) : [];
  return [...around, ...readers].some((ref) => ref && isOfPair(ref));
}

function isOfPair({ node }: NodeRef): boolean {
  return /(^|:)(Dequantize|Quantize)Linear$/.test(operatorKey(node));
}
