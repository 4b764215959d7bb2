import type { GraphIndex } from '../graphIndex';
import type { Rows } from '../layers';
import { operatorKey } from '../operands';
import { traceConstant } from '../traceWeight';
import type { NodeRef } from '../types';
import { dequantizedRows } from './dequantizedRows';
import { integerChain } from './integerChain';
import { changesFormat, isDynamicQuantize } from './operators';

/** Longest chain of Q/DQ nodes followed from one to the row that it belongs to. */
const longestChain = 16;

/**
 * The nodes that only express the format of another row, with the name of that row: what stands between stored codes and
 * their operator, Q/DQ on activations, and the scaling after integer products. A pair between two rows belongs to the
 * layer that computes the value, else to the layer that reads it, else to the other nodes in the same order.
 */
export function foldedNodes(index: GraphIndex, { layers, nodes }: Rows): ReadonlyMap<NodeRef, string> {
  const folds = new Folds(index, new Set(layers.map(({ ref }) => ref)));
  for (const { ref } of layers) folds.addLayer(ref);
  for (const { ref } of nodes) folds.addConstants(ref, false);
  for (const { ref } of nodes) folds.addActivation(ref);
  return folds.found;
}

class Folds {
  readonly found = new Map<NodeRef, string>();

  constructor(
    private readonly index: GraphIndex,
    private readonly layers: ReadonlySet<NodeRef>,
  ) {}

  addLayer(ref: NodeRef): void {
    this.addConstants(ref, true);
    for (const node of integerChain(this.index, ref)?.nodes ?? []) this.fold(node, ref.name);
    const rows = dequantizedRows(this.index, ref);
    if (!rows) return;
    const steps = [...(rows.scale?.steps ?? []), ...(rows.zeroPoint?.steps ?? []), rows.dequantize];
    for (const node of steps) this.fold(node, ref.name);
  }

  /** @param isLayer a Cast before other nodes may be their own business, such as that of a shape. */
  addConstants(ref: NodeRef, isLayer: boolean): void {
    const { index } = this;
    const { node, scope } = ref;
    // What only passes a constant on belongs to the node that computes with it.
    if (!isLayer && traceConstant(index, scope, node.output[0] ?? '')) return;
    for (const value of node.input) {
      const traced = traceConstant(index, scope, value);
      const via = traced?.stored.via ?? 'float';
      if (!traced || via === 'float' || (via === 'cast' && !isLayer)) continue;
      for (const step of traced.steps) this.fold(step, ref.name);
    }
  }

  addActivation(ref: NodeRef): void {
    if (this.found.has(ref) || !changesFormat(ref)) return;
    const owner = this.ownerOf(ref);
    if (owner) this.fold(ref, this.found.get(owner) ?? owner.name);
  }

  private ownerOf(ref: NodeRef): NodeRef | undefined {
    const from = this.producerOf(ref);
    const to = this.readersOf(ref);
    const layerTo = to.find((reader) => this.layers.has(reader));
    // A format that is computed in each run is the reader's alone.
    if (isDynamicQuantize(ref)) return layerTo ?? to[0];
    const layerFrom = from && this.layerBehind(from);
    return layerFrom ?? layerTo ?? from ?? to[0];
  }

  /** What computes the value, before any Q/DQ. */
  private producerOf(ref: NodeRef): NodeRef | undefined {
    let at: NodeRef | undefined = ref;
    for (let length = 0; at && changesFormat(at); length++) {
      if (length === longestChain) return undefined;
      at = this.index.producer(at.scope, at.node.input[0] ?? '');
    }
    return at;
  }

  /** The layer itself, or the one that the runtime fuses this Relu or Clip into, or whose scaling this is. */
  private layerBehind(from: NodeRef): NodeRef | undefined {
    if (this.layers.has(from)) return from;
    const scaled = this.found.get(from);
    if (scaled !== undefined) return this.index.nodeNamed(scaled);
    if (!['Relu', 'Clip'].includes(operatorKey(from.node))) return undefined;
    const before = this.index.producer(from.scope, from.node.input[0] ?? '');
    return before && this.layers.has(before) ? before : undefined;
  }

  /** What reads the value, after any Q/DQ. */
  private readersOf(ref: NodeRef): NodeRef[] {
    let changing: NodeRef[] = [ref];
    const readers: NodeRef[] = [];
    for (let length = 0; length < longestChain && changing.length > 0; length++) {
      const next: NodeRef[] = [];
      for (const { node, scope } of changing) {
        const [value = ''] = node.output;
        for (const reader of this.index.consumers(scope, value)) {
          if (!changesFormat(reader)) readers.push(reader);
          // Only by its first input, so that each is reached on one path.
          else if (reader.node.input[0] === value) next.push(reader);
        }
      }
      changing = next;
    }
    return readers;
  }

  private fold(node: NodeRef, owner: string): void {
    if (!this.found.has(node) && !this.layers.has(node)) this.found.set(node, owner);
  }
}
