import { throwIfCancelled } from '../errors';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Runtime, RuntimeTensor, Slice, Work } from '../ports';
import { asFloats } from './floats';
import { GroupedFetch } from './groupedFetch';
import { inputRowReader } from './inputRows';
import { withOutputs } from './instrument';
import { type MatrixView, matrixView } from './weightMatrix';

/** Input rows kept of each layer: more change the choice of a format little. */
export const MOST_ROWS = 1024;
/** Samples that the rows come from. */
export const MOST_SAMPLES = 64;
/** Bytes of all rows of all layers; with many wide layers each has fewer rows. */
export const ROW_BYTES = 256 * 2 ** 20;
/** Fractions of its multiples spread evenly over 0…1, wherever one stops. */
export const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/** Some rows of a layer's input: [groups, rows, depth]. */
export interface RowBlock {
  readonly rows: number;
  readonly values: Float32Array;
}

/** What a layer multiplies its weight with, in two halves, so that what is fitted to one can be judged on the other. */
export interface LayerRows {
  readonly view: MatrixView;
  readonly fit: RowBlock;
  readonly judge: RowBlock;
}

/**
 * Runs the float model over up to MOST_SAMPLES samples and keeps up to MOST_ROWS rows of each layer's input, spread evenly
 * over samples and positions; every second sample goes to `judge` (of a single sample, every second row). Layers that read
 * the same input alike share their rows. Memory: one group of activations (FETCH_BYTES) and ROW_BYTES.
 * @param layers of the main graph. Those without rows are left out: see `matrixView`; inputs that are absent or not float.
 * @returns by layer name.
 * @throws CancelledError
 */
export async function collectLayerRows(
  runtime: Runtime,
  model: Model,
  layers: readonly Layer[],
  slice: Slice,
  work: Work = {},
): Promise<Map<string, LayerRows>> {
  const samples = Math.min(slice.length, MOST_SAMPLES);
  const collectors = collectorsFor(layers, samples);
  const readers = new Map<string, RowCollector[]>();
  for (const { collector } of collectors) {
    readers.set(collector.value, [...(readers.get(collector.value) ?? []), collector]);
  }
  const values = [...readers.keys()];
  if (samples === 0 || values.length === 0) return new Map();
  const session = await runtime.openModel(withOutputs(model, values), { optimization: 'none' });
  try {
    const fetch = new GroupedFetch(session, values);
    let done = 0;
    for await (const { feeds } of slice.samples()) {
      throwIfCancelled(work.signal);
      const sample = done;
      await fetch.run(
        feeds,
        (name, tensor) => {
          if (tensor) for (const collector of readers.get(name) ?? []) collector.add(tensor, sample);
        },
        work.signal,
      );
      done++;
      work.onProgress?.(done, samples, `Reading layer inputs: sample ${done} of ${samples}`);
      if (done === samples) break;
    }
  } finally {
    await session.release();
  }
  return new Map(
    collectors.flatMap(({ collector, members }) => {
      const halves = collector.result();
      return halves ? members.map(({ name, view }) => [name, { ...halves, view }] as const) : [];
    }),
  );
}

interface SharedCollector {
  readonly collector: RowCollector;
  /** The layers that read these rows. Their weights may differ in the number of columns. */
  readonly members: readonly { readonly name: string; readonly view: MatrixView }[];
}

/** Collectors, each for the layers that have the same input and the same way of reading it. */
function collectorsFor(layers: readonly Layer[], samples: number): SharedCollector[] {
  const shared = new Map<string, { layer: Layer; view: MatrixView; members: SharedCollector['members'] }>();
  for (const layer of layers) {
    const view = matrixView(layer);
    const value = inputOf(layer);
    if (!view || value === '' || layer.ref.scope.kind !== 'graph') continue;
    const key = JSON.stringify([value, waysToRead(layer, view)]);
    const same = shared.get(key) ?? { layer, view, members: [] };
    shared.set(key, { ...same, members: [...same.members, { name: layer.name, view }] });
  }
  const elements = [...shared.values()].reduce((sum, { view }) => sum + view.groups * view.depth, 0);
  // At least one row in either half.
  const rows = Math.max(2, Math.min(MOST_ROWS, Math.floor(ROW_BYTES / (4 * elements))));
  return [...shared.values()].map(({ layer, view, members }) => ({
    collector: new RowCollector(layer, view, rows, samples),
    members,
  }));
}

/** The value that a layer multiplies with its weight; '' when it has none. */
export function inputOf({ ref, weight }: Layer): string {
  return ref.node.input[weight?.inputIndex === 0 ? 1 : 0] ?? '';
}

/** What the rows of an input depend on: all but the number of columns, which layers that share rows may differ in. */
function waysToRead({ ref, weight }: Layer, { groups, depth }: MatrixView): unknown {
  const { node } = ref;
  const attributes = node.attribute.map(({ name, i, s, ints }) => [name, `${i}`, [...s], ints.map(String)]);
  const kernel = node.opType === 'Conv' ? weight?.tensor.dims.slice(1) : weight?.tensor.dims.slice(0, -2);
  return [node.opType, weight?.inputIndex, groups, depth, kernel, attributes];
}

/** Keeps an even choice of the rows that pass. */
class RowCollector {
  readonly value: string;
  private readonly halves: readonly [HalfCollector, HalfCollector];
  /** Rows taken so far, over both halves. */
  private taken = 0;

  constructor(
    private readonly layer: Layer,
    private readonly view: MatrixView,
    private readonly rows: number,
    private readonly samples: number,
  ) {
    this.value = inputOf(layer);
    const even = Array.from({ length: samples }, (_, sample) =>
      sample % 2 === 0 ? this.shareOf(sample) : 0,
    );
    const fit = samples === 1 ? Math.ceil(rows / 2) : even.reduce((sum, share) => sum + share, 0);
    this.halves = [new HalfCollector(view, fit), new HalfCollector(view, rows - fit)];
  }

  add(tensor: RuntimeTensor, sample: number): void {
    const reader = inputRowReader(this.layer, this.view, tensor.dims);
    const data = asFloats(tensor);
    if (!reader || !data) return;
    const wanted = Math.min(this.shareOf(sample), reader.count);
    for (let i = 0; i < wanted; i++) {
      // One in each of `wanted` equal parts, at another place in it each time: a fixed one would follow the image's columns.
      const within = (this.taken * GOLDEN_RATIO) % 1;
      const row = Math.min(reader.count - 1, Math.floor(((i + within) * reader.count) / wanted));
      const half = this.halves[(this.samples === 1 ? i : sample) % 2 === 0 ? 0 : 1];
      half.add((values, at, groupStep) => reader.copy(data, row, values, at, groupStep));
      this.taken++;
    }
  }

  /** Rows that a sample gives at most. */
  private shareOf(sample: number): number {
    const upTo = (count: number) => Math.floor((this.rows * count) / this.samples);
    return upTo(sample + 1) - upTo(sample);
  }

  /** Undefined when a half has no rows. */
  result(): Omit<LayerRows, 'view'> | undefined {
    const [fit, judge] = this.halves.map((half) => half.result());
    if (!fit || !judge || fit.rows === 0) return undefined;
    // A single row can only be judged on itself.
    return { fit, judge: judge.rows === 0 ? fit : judge };
  }
}

class HalfCollector {
  private values: Float32Array | undefined;
  private rows = 0;

  constructor(
    private readonly view: MatrixView,
    private readonly capacity: number,
  ) {}

  add(copy: (values: Float32Array, at: number, groupStep: number) => void): void {
    const { groups, depth } = this.view;
    this.values ??= new Float32Array(groups * this.capacity * depth);
    copy(this.values, this.rows * depth, this.capacity * depth);
    this.rows++;
  }

  /** The rows, without the room that is left; the last call. */
  result(): RowBlock {
    const { groups, depth } = this.view;
    const { rows, capacity, values = new Float32Array(0) } = this;
    if (rows === capacity || rows === 0) return { rows, values };
    const compact = new Float32Array(groups * rows * depth);
    for (let group = 0; group < groups; group++) {
      const from = group * capacity * depth;
      compact.set(values.subarray(from, from + rows * depth), group * rows * depth);
    }
    this.values = undefined;
    return { rows, values: compact };
  }
}
