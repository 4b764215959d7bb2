import type { LayerRow } from '../results';
import type { GraphIndex } from './graphIndex';
import { findRows } from './layers';
import { rowFormats } from './quantization/rowFormats';
import type { Shapes } from './shapes';
import { sharedParts, type SharedPart } from './totals';
import type { Layer, NodeRef } from './types';

/** Rows as results hold them. */
export interface DescribedRows {
  readonly layers: LayerRow[];
  readonly nodes: LayerRow[];
  /** Layers and nodes as the graph has them, in the order of the model. */
  readonly all: readonly Layer[];
  /** What they share with rows before them. */
  readonly shared: ReadonlyMap<Layer, SharedPart>;
}

/**
 * What results tell of each row.
 * @param refs the nodes that are wanted, from the first of the model on without a gap. Of some of them, `nodes` may not be as of
 * all: which row a Q/DQ belongs to can depend on layers further on.
 */
export function describeRows(index: GraphIndex, shapes: Shapes, refs: readonly NodeRef[]): DescribedRows {
  const { layers, nodes } = findRows(index, shapes, refs);
  const positions = new Map(refs.map((ref, position) => [ref, position]));
  const all = [...layers, ...nodes].sort((a, b) => (positions.get(a.ref) ?? 0) - (positions.get(b.ref) ?? 0));
  const shared = sharedParts(all);
  const formatOf = rowFormats(index, shapes, { layers, nodes });
  const describe = (layer: Layer): LayerRow =>
    Object.assign(rowOf(layer, positions.get(layer.ref), shared.get(layer)), formatOf(layer));
  return { layers: layers.map(describe), nodes: nodes.map(describe), all, shared };
}

function rowOf(layer: Layer, position: number | undefined, shared: SharedPart | undefined): LayerRow {
  const { weight } = layer;
  return {
    name: layer.name,
    path: [...layer.path],
    index: position,
    op: layer.op,
    weight: weight ? { name: weight.name, shape: [...weight.shape], dtype: weight.dtype, hash: null } : null,
    parameters: layer.parameters,
    bytes: layer.bytes,
    macs: layer.macs ?? null,
    quantizable: layer.quantizable,
    reason: layer.reason ?? null,
    ...(shared && { shared: { ...shared } }),
  };
}
