/** A position between two nodes. */
export interface Border {
  /** Nodes before it. */
  readonly at: number;
  /** What crosses it, of all samples together. */
  readonly bytes: number;
}

/** What the trials of a scan do with borders. */
export interface BorderUse {
  /** Nodes up to the end of each layer's unit. */
  readonly ends: readonly number[];
  /** Bytes of weights before each position, the last one behind all nodes. */
  readonly weightBytes: Float64Array;
  /** Formats of one layer, and runs of each. */
  readonly formats: number;
  readonly runs: number;
}

/**
 * Milliseconds with onnxruntime-node 1.30 on one thread; only proportions count. Opening a session, each node and each byte of
 * weights in it; running one, and each byte that it hands on.
 */
const COSTS = { session: 3, node: 0.1, weightByte: 3e-6, run: 0.15, byte: 1e-6 };

/**
 * The borders with which trials take least time. A trial computes what lies between its layer and the next border in a session
 * of its layer's own, and then whole segments, whose sessions all layers share: borders save weights to load, and cost runs and
 * copies. Dynamic programming over one border between every two layers, the one that the fewest bytes cross.
 * @param borders in their order.
 * @returns positions, ascending.
 */
export function bestBorders(
  borders: readonly Border[],
  { ends, weightBytes, formats, runs }: BorderUse,
): number[] {
  const sorted = ends.toSorted((a, b) => a - b);
  const last = weightBytes.length - 1;
  const stops = [{ at: 0, bytes: 0 }, ...narrowest(borders, sorted), { at: last, bytes: 0 }];
  const load = (at: number): number => at * COSTS.node + (weightBytes[at] ?? 0) * COSTS.weightByte;
  // Layers that end up to each stop, those that end before it, and what loading all before their ends costs.
  const upTo = stops.map(({ at }) => sorted.findLastIndex((end) => end <= at) + 1);
  const inside = stops.map(({ at }) => sorted.findLastIndex((end) => end < at) + 1);
  const before = [0];
  for (const end of sorted) before.push((before.at(-1) ?? 0) + load(end));

  const least = stops.map(() => Infinity);
  const from = stops.map(() => 0);
  least[0] = 0;
  for (const [j, { at, bytes }] of stops.entries()) {
    const count = upTo[j] ?? 0;
    const crossing = at === last ? 0 : count * formats * (runs * COSTS.run + bytes * COSTS.byte);
    for (let i = 0; i < j; i++) {
      const first = upTo[i] ?? 0;
      const loaded = (count - first) * load(at) - ((before[count] ?? 0) - (before[first] ?? 0));
      const sessions = 1 + Math.max(0, (inside[j] ?? 0) - first);
      const cost = (least[i] ?? 0) + sessions * COSTS.session + loaded + crossing;
      if (cost < (least[j] ?? 0)) {
        least[j] = cost;
        from[j] = i;
      }
    }
  }
  const chosen: number[] = [];
  for (let j = from.at(-1) ?? 0; j > 0; j = from[j] ?? 0) chosen.unshift(stops[j]?.at ?? 0);
  return chosen;
}

/** Of the borders between two neighbouring ends the one with fewest bytes; none before the first end. */
function narrowest(borders: readonly Border[], ends: readonly number[]): Border[] {
  const best = new Map<number, Border>();
  let passed = 0;
  for (const border of borders) {
    while ((ends[passed] ?? Infinity) <= border.at) passed++;
    const known = best.get(passed);
    if (passed > 0 && !(known && known.bytes <= border.bytes)) best.set(passed, border);
  }
  return [...best.values()];
}
