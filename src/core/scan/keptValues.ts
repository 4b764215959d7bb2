import type { GraphIndex } from '../graph/graphIndex';
import type { Layer, NodeRef } from '../graph/types';
import { borderOf, mainNodeOf, valuesBehind } from '../graph/suffix';

/** Where the trials of a layer can begin. */
export interface Cut {
  /** Computed values that a trial needs beside the inputs of the model. */
  readonly values: readonly string[];
  /** Nodes that need not run then. */
  readonly saved: number;
}

/** The cut before a layer; undefined when it is in a function, whose calls could be anywhere. */
export function cutOf(index: GraphIndex, { ref }: Pick<Layer, 'ref'>): Cut | undefined {
  const { main } = index;
  const at = mainNodeOf(index, ref);
  if (!main || !at) return undefined;
  const values = borderOf(index, [at]).filter((value) => index.producer(main, value));
  return { values, saved: index.nodesOf(main).length - nodesBehind(index, at) };
}

function nodesBehind(index: GraphIndex, at: NodeRef): number {
  const { main } = index;
  const behind = valuesBehind(index, [at]);
  return main ? index.nodesOf(main).filter(({ node }) => node.output.some((v) => behind.has(v))).length : 0;
}

/**
 * The values to keep: cuts that save most per byte first, then `further` ones in their order, all within the budget.
 * @param bytesOf a value of one sample.
 * @param budget bytes per sample.
 */
export function chooseKept(
  cuts: readonly Cut[],
  further: readonly string[],
  bytesOf: (value: string) => number,
  budget: number,
): ReadonlySet<string> {
  const kept = new Set<string>();
  let left = budget;
  const keep = (values: readonly string[]): void => {
    const missing = [...new Set(values)].filter((value) => !kept.has(value));
    const bytes = missing.reduce((sum, value) => sum + bytesOf(value), 0);
    if (!(bytes <= left)) return;
    left -= bytes;
    for (const value of missing) kept.add(value);
  };
  const rate = ({ values, saved }: Cut): number =>
    saved /
    Math.max(
      1,
      values.reduce((sum, value) => sum + bytesOf(value), 0),
    );
  for (const { values } of cuts.toSorted((a, b) => rate(b) - rate(a))) keep(values);
  for (const value of further) keep([value]);
  return kept;
}
