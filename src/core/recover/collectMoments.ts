import { asFloats } from '../calibrate/floats';
import { inputRowReader } from '../calibrate/inputRows';
import { GOLDEN_RATIO } from '../calibrate/layerRows';
import type { MatrixView } from '../calibrate/weightMatrix';
import { throwIfCancelled } from '../errors';
import { cutBefore } from '../graph/suffix';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, RuntimeTensor, Session, Work } from '../ports';
import type { LayerMoments } from './moments';
import { canStackSamples, momentsModel, rowMomentsModel } from './momentsModel';

/** Rows per element of a row beyond which more tell little, and the rows that every layer may have. */
const ROWS_PER_ELEMENT = 4;
const LEAST_MOST_ROWS = 16_384;
/** Of the rows of one run: [groups, depth, rows] of float32. */
const RUN_BYTES = 48 * 2 ** 20;
/** Sums of more elements are kept as float32. */
const DOUBLE_ELEMENTS = 2 ** 22;

/** Where a layer's operand comes from. */
export interface MomentsSource {
  readonly runtime: Runtime;
  /** The prepared float model. */
  readonly float: Model;
  /** The same with the layers done so far as they will be; the same object where none is. */
  readonly current: Model;
  /** Inputs, of one or several samples each. */
  readonly batches: readonly Feeds[];
}

/**
 * Second moments and means of what a layer multiplies its weight with. The model is run up to the layer, batch by batch, and
 * its operand handed on to a model that multiplies and adds (see `momentsModel`): of one batch only is there ever more than its
 * sums. Where the two models differ, also E[x x̂ᵀ] of the float inputs and those of the current model.
 *
 * Of layers with many rows an even choice of them is used, at other places in each batch: 4 per element of a row, or 16,384 if
 * that is more.
 * @param value the layer's data operand.
 * @returns undefined where rows cannot be told from the operand, or its squares are not finite.
 * @throws CancelledError
 */
export async function collectMoments(
  layer: Layer,
  view: MatrixView,
  value: string,
  { runtime, float, current, batches }: MomentsSource,
  work: Work = {},
): Promise<LayerMoments | undefined> {
  const twice = float !== current;
  const sums = new MomentSums(layer, view, runtime, twice);
  const runs: PrefixRun[] = [];
  try {
    const quantized = await PrefixRun.open(runtime, current, value);
    runs.push(quantized);
    const original = twice ? await PrefixRun.open(runtime, float, value) : undefined;
    if (original) runs.push(original);
    for (const [at, feeds] of batches.entries()) {
      throwIfCancelled(work.signal);
      const data = await quantized.run(feeds);
      const floatData = original && (await original.run(feeds));
      if (!data || (original && !floatData)) return undefined;
      await sums.add({ data, float: floatData }, batches.length - at);
    }
    await sums.flush();
    return sums.result();
  } finally {
    for (const run of runs) await run.release();
    await sums.release();
  }
}

/** Runs a model up to one value. */
class PrefixRun {
  private constructor(
    private readonly value: string,
    private readonly session: Session | undefined,
    private readonly inputs: readonly string[],
  ) {}

  static async open(runtime: Runtime, model: Model, value: string): Promise<PrefixRun> {
    if (model.graph?.input.some(({ name }) => name === value)) return new PrefixRun(value, undefined, []);
    const { model: prefix, feeds } = cutBefore(model, [value], new Map());
    return new PrefixRun(value, await runtime.openModel(prefix, { optimization: 'simulate' }), feeds);
  }

  /** The value as float32; undefined when it is of another kind. */
  async run(feeds: Feeds): Promise<RuntimeTensor | undefined> {
    const tensor = this.session
      ? (await this.session.run(this.feedsOf(feeds), [this.value]))[this.value]
      : feeds[this.value];
    const data = tensor && asFloats(tensor);
    if (!tensor || !data) return undefined;
    return {
      type: 'float32',
      dims: tensor.dims,
      data: data instanceof Float32Array ? data : Float32Array.from(data),
    };
  }

  private feedsOf(feeds: Feeds): Feeds {
    return Object.fromEntries(Object.entries(feeds).filter(([name]) => this.inputs.includes(name)));
  }

  async release(): Promise<void> {
    await this.session?.release();
  }
}

/** A part of a layer's operand: in the current model, and in the float one where they differ. */
interface Part {
  readonly data: RuntimeTensor;
  readonly float: RuntimeTensor | undefined;
}

/** Adds up moments in the runtime, some samples at a time. */
class MomentSums {
  private session: Session | undefined;
  private waiting: Part[] = [];
  private waitingRows = 0;
  private readonly mostRows: number;
  private readonly runRows: number;
  private rows = 0;
  /** Rows chosen so far, where there are too many. */
  private chosen = 0;
  private isSampled = false;
  private isUnfit = false;
  private second: Sums | undefined;
  private cross: Sums | undefined;
  private readonly sum: Float64Array;
  private readonly floatSum: Float64Array;

  constructor(
    private readonly layer: Layer,
    private readonly view: MatrixView,
    private readonly runtime: Runtime,
    private readonly withFloat: boolean,
  ) {
    const { groups, depth } = view;
    this.mostRows = Math.max(LEAST_MOST_ROWS, ROWS_PER_ELEMENT * depth);
    this.runRows = Math.max(1, Math.floor(RUN_BYTES / (4 * groups * depth)));
    this.sum = new Float64Array(groups * depth);
    this.floatSum = new Float64Array(groups * depth);
  }

  /** @param left batches that are still to come, with this one. */
  async add(part: Part, left: number): Promise<void> {
    const { dims } = part.data;
    const count = inputRowReader(this.layer, this.view, dims)?.count;
    if (count === undefined || (part.float && part.float.data.length !== part.data.data.length)) {
      this.isUnfit = true;
      return;
    }
    if (count === 0) return;
    if (!this.isSampled && this.chosen + count * left > this.mostRows) await this.beginSampling();
    this.session ??= await this.open(dims.length);
    const rows = this.isSampled
      ? Math.max(1, Math.min(count, Math.ceil((this.mostRows - this.chosen) / left)))
      : count;
    const [first] = this.waiting;
    if (first && (!this.canFollow(first, part) || this.waitingRows + rows > this.runRows)) await this.flush();
    this.waiting.push(this.isSampled ? this.chooseRows(part, rows) : part);
    this.waitingRows += rows;
    this.chosen += rows;
  }

  /** Sums up what waits. */
  async flush(): Promise<void> {
    const { session, waiting } = this;
    if (!session || waiting.length === 0) return;
    const feeds = {
      data: this.joined(waiting.map(({ data }) => data)),
      ...(this.withFloat && { float: this.joined(waiting.flatMap(({ float }) => float ?? [])) }),
    };
    const { second, sum, rows, floatSum, cross } = await session.run(feeds);
    this.second = withAdded(this.second, second);
    addTo(this.sum, floatsOf(sum));
    addTo(this.floatSum, floatsOf(this.withFloat ? floatSum : sum));
    if (this.withFloat) this.cross = withAdded(this.cross, cross);
    this.rows += Number((rows?.data as BigInt64Array | undefined)?.[0] ?? 0n);
    this.waiting = [];
    this.waitingRows = 0;
  }

  /** The last call. */
  result(): LayerMoments | undefined {
    const { view, rows, second, sum, floatSum, cross } = this;
    if (this.isUnfit || rows === 0 || !second) return undefined;
    // Squares may be too great where the rows themselves are finite.
    if (![second, sum, floatSum, ...(cross ? [cross] : [])].every((part) => divide(part, rows)))
      return undefined;
    return { view, rows, second, mean: sum, floatMean: floatSum, ...(cross && { cross }) };
  }

  async release(): Promise<void> {
    await this.session?.release();
  }

  /** From here on, be it from the first batch: batches may be of different sizes. */
  private async beginSampling(): Promise<void> {
    await this.flush();
    await this.release();
    this.session = undefined;
    this.isSampled = true;
  }

  private open(rank: number): Promise<Session> {
    const model = this.isSampled
      ? rowMomentsModel(this.withFloat)
      : momentsModel(this.layer, this.view, rank, this.withFloat);
    return this.runtime.openModel(model, { optimization: 'simulate' });
  }

  /** An even choice of `wanted` rows: one in each of equal parts, at another place in it each time. */
  private chooseRows({ data, float }: Part, wanted: number): Part {
    const { groups, depth } = this.view;
    const read = (tensor: RuntimeTensor): RuntimeTensor => {
      const reader = inputRowReader(this.layer, this.view, tensor.dims);
      const rows = new Float32Array(groups * wanted * depth);
      for (let i = 0; reader && i < wanted; i++) {
        const within = ((this.chosen + i) * GOLDEN_RATIO) % 1;
        const row = Math.min(reader.count - 1, Math.floor(((i + within) * reader.count) / wanted));
        reader.copy(tensor.data as Float32Array, row, rows, i * depth, wanted * depth);
      }
      return { type: 'float32', dims: [groups, wanted, depth], data: rows };
    };
    return { data: read(data), float: float && read(float) };
  }

  private canFollow(first: Part, next: Part): boolean {
    if (this.isSampled) return this.view.groups === 1;
    const { dims } = next.data;
    return (
      canStackSamples(this.layer, this.view, dims.length) &&
      dims.every((size, axis) => size === first.data.dims[axis])
    );
  }

  /** Samples one after the other, or chosen rows of a single group. */
  private joined(tensors: readonly RuntimeTensor[]): RuntimeTensor {
    const [first, ...others] = tensors;
    if (!first) throw new Error('there is nothing to join');
    if (others.length === 0) return first;
    const axis = this.isSampled ? 1 : 0;
    const sum = (size: (tensor: RuntimeTensor) => number) =>
      tensors.reduce((total, tensor) => total + size(tensor), 0);
    const data = new Float32Array(sum((tensor) => tensor.data.length));
    let at = 0;
    for (const tensor of tensors) {
      data.set(tensor.data as Float32Array, at);
      at += tensor.data.length;
    }
    const dims = first.dims.map((size, i) => (i === axis ? sum((tensor) => tensor.dims[axis] ?? 1) : size));
    return { type: 'float32', dims, data };
  }
}

type Sums = Float32Array | Float64Array;

/** @param sums absent before the first. @returns the same array, or a new one. */
function withAdded(sums: Sums | undefined, tensor: RuntimeTensor | undefined): Sums {
  const values = floatsOf(tensor);
  // Nothing else holds what a run gave.
  if (!sums) return values.length > DOUBLE_ELEMENTS ? values : new Float64Array(values);
  return addTo(sums, values);
}

function addTo(sums: Sums, values: Float32Array): Sums {
  if (values.length !== sums.length) throw new Error('the runtime gave moments of another size');
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (values[i] as number);
  return sums;
}

function floatsOf(tensor: RuntimeTensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new Error('the runtime gave no moments');
}

/** In place. @returns false when a number is not finite. */
function divide(sums: Sums, count: number): boolean {
  let isFinite = true;
  for (let i = 0; i < sums.length; i++) {
    const mean = (sums[i] as number) / count;
    sums[i] = mean;
    // NaN for all that is not finite.
    isFinite &&= mean - mean === 0;
  }
  return isFinite;
}
