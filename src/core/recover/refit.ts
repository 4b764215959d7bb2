import { asMatrices, forEachColumn, type MatrixView } from '../calibrate/weightMatrix';
import type { AxisLayout } from '../quant/affine';
import type { WeightGrid } from '../quant/weightGrid';
import type { LayerMoments } from './moments';
import { groupMatrix, type Multiply } from './multiply';

/** What codes stand for, in their order. */
export function gridValues(codes: Int16Array, grid: WeightGrid): Float32Array {
  // Unlike this loop, `Float32Array.from` keeps all values in a list first.
  const values = new Float32Array(codes.length);
  for (let at = 0; at < codes.length; at++) values[at] = grid.valueOf(at, codes[at] as number);
  return values;
}

/**
 * What to multiply the rounded weights of each channel by, so that the layer's output is nearest to that of the weights
 * wanted: a = Σ ŵ·H·wᵀ / Σ ŵ·H·ŵᵀ over the channel's columns.
 * @param weights in the order of the stored tensor: those wanted, such as of `floatTarget`.
 * @param rounded what their codes stand for.
 * @param layout of the scales that are stored.
 * @returns one per channel; 1 where the rounded weights give no output. Undefined when columns lie in several channels.
 */
export async function refitScales(
  weights: Float32Array,
  rounded: Float32Array,
  { view, second }: LayerMoments,
  layout: AxisLayout,
  multiply: Multiply,
): Promise<Float32Array | undefined> {
  const channels = columnChannels(view, layout);
  if (!channels) return undefined;
  const wanted = asMatrices(weights, view);
  const own = asMatrices(rounded, view);
  const products = await timesSecond(own, view, second, multiply);
  const both = new Float64Array(layout.channels);
  const energy = new Float64Array(layout.channels);
  for (const [column, channel] of channels.entries()) {
    both[channel] = (both[channel] as number) + columnDot(wanted, products, column, view.depth);
    energy[channel] = (energy[channel] as number) + columnDot(own, products, column, view.depth);
  }
  return Float32Array.from(both, (sum, channel) => {
    const factor = Math.fround(sum / (energy[channel] as number));
    return factor > 0 && factor < Infinity ? factor : 1;
  });
}

/** Rounded weights times the factors of their channels. */
export function withFactors(
  rounded: Float32Array,
  factors: Float32Array,
  { inner, channels }: AxisLayout,
): Float32Array {
  return rounded.map((value, at) => value * (factors[Math.floor(at / inner) % channels] as number));
}

/** Mean squares of a layer's output, summed over its columns. */
export interface OutputError {
  /** Σ w·H·wᵀ. */
  readonly signal: number;
  /** Σ (ŵ − w)·H·(ŵ − w)ᵀ. */
  readonly noise: number;
  /** 10·log10(signal / noise); null when there is no error or no signal. */
  readonly sqnrDb: number | null;
}

/**
 * The error at a layer's output on the rows that its moments are of. Of weights that `floatTarget` gives, the part that
 * other codes could change.
 * @param weights in the order of the stored tensor: those wanted. @param rounded what stands for them.
 */
export async function outputError(
  weights: Float32Array,
  rounded: Float32Array,
  { view, second }: LayerMoments,
  multiply: Multiply,
): Promise<OutputError> {
  const energyOf = async (values: Float32Array): Promise<number> => {
    const matrices = asMatrices(values, view);
    const products = await timesSecond(matrices, view, second, multiply);
    let sum = 0;
    for (let column = 0; column < view.groups * view.columns; column++)
      sum += columnDot(matrices, products, column, view.depth);
    return sum;
  };
  const signal = await energyOf(weights);
  const noise = await energyOf(weights.map((weight, at) => (rounded[at] as number) - weight));
  return { signal, noise, sqnrDb: noise > 0 && signal > 0 ? 10 * Math.log10(signal / noise) : null };
}

/** The channel of each column; undefined when one lies in several. */
function columnChannels(view: MatrixView, { inner, channels }: AxisLayout): Int32Array | undefined {
  const found = new Int32Array(view.groups * view.columns);
  let isOne = true;
  forEachColumn(view, (start, column) => {
    const channelOf = (k: number): number => Math.floor((start + k * view.depthStep) / inner) % channels;
    const channel = channelOf(0);
    found[column] = channel;
    for (let k = 1; k < view.depth && isOne; k++) isOne = channelOf(k) === channel;
  });
  return isOne ? found : undefined;
}

/** Each column times the second moments of its group: [groups, columns, depth]. */
async function timesSecond(
  matrices: Float32Array,
  { groups, columns, depth }: MatrixView,
  second: LayerMoments['second'],
  multiply: Multiply,
): Promise<Float32Array> {
  const products = new Float32Array(matrices.length);
  for (let group = 0; group < groups; group++) {
    const from = group * columns * depth;
    const rows = matrices.subarray(from, from + columns * depth);
    products.set(await multiply(rows, groupMatrix(second, group, depth)), from);
  }
  return products;
}

function columnDot(a: Float32Array, b: Float32Array, column: number, depth: number): number {
  let sum = 0;
  for (let at = column * depth; at < (column + 1) * depth; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
