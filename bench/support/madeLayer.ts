import { packedView } from '../../src/core/calibrate/weightMatrix';
import { subtractProducts, transposed } from '../../src/core/recover/products';
import type { LayerMoments } from '../../src/core/recover/moments';
import { SeededRandom } from '../../src/engine/data/seededRandom';

/** A made-up convolution of 3 × 3 over correlated, rectified channels, whose columns differ in size. */
export interface MadeLayer {
  readonly weights: Float32Array;
  readonly columns: number;
  readonly depth: number;
  /** Of 4,000 input rows. */
  readonly moments: LayerMoments;
  /** Of as many others. */
  readonly heldOut: LayerMoments;
}

export interface LayerOptions {
  readonly channels: number;
  readonly columns: number;
  /** What neighbouring pixels share, 0 to 1. */
  readonly smoothness: number;
  /** The k-th source of what channels share has the deviation (k + 1)^−decay. */
  readonly decay: number;
  /** Deviation of what each channel has alone, beside 1. */
  readonly noise: number;
  /** Deviation of the logarithm of the columns' sizes. */
  readonly spread: number;
  /** Deviation of the logarithm of single weights' sizes. */
  readonly tail: number;
  /** Deviation of the logarithm of the channels' sizes. */
  readonly gain: number;
  /** Size of the weights. */
  readonly size: number;
}

/** Chosen so that rounding to the nearest and GPTQ have the figures that bench/recoveryLayer.ts compares with. */
export const PLAIN: LayerOptions = {
  channels: 64,
  columns: 96,
  smoothness: 0.83,
  decay: 0.45,
  noise: 0.27,
  spread: 0.3,
  tail: 0.15,
  gain: 0.9,
  size: 0.044,
};

const SIDE = 12;
const IMAGES = 40;

export function makeLayer(seed: number, options: LayerOptions = PLAIN): MadeLayer {
  const random = new SeededRandom(seed);
  const depth = options.channels * 9;
  const mixing = Array.from(
    { length: options.channels ** 2 },
    (_, at) => random.normal() * ((at % options.channels) + 1) ** -options.decay,
  );
  const weights = new Float32Array(options.columns * depth);
  for (let column = 0; column < options.columns; column++) {
    const size = options.size * Math.exp(options.spread * random.normal());
    for (let k = 0; k < depth; k++)
      weights[column * depth + k] = size * random.normal() * Math.exp(options.tail * random.normal());
  }
  const shift = Array.from({ length: options.channels }, () => 0.5 * random.normal());
  const gains = Array.from({ length: options.channels }, () => Math.exp(options.gain * random.normal()));
  const momentsOfNew = (): LayerMoments =>
    momentsOf(inputRows(random, options, mixing, shift, gains), options.columns, depth);
  return { weights, columns: options.columns, depth, moments: momentsOfNew(), heldOut: momentsOfNew() };
}

function inputRows(
  random: SeededRandom,
  { channels, smoothness, noise }: LayerOptions,
  mixing: number[],
  shift: number[],
  gains: number[],
): Float32Array {
  const rows: number[] = [];
  const norm = Math.sqrt(mixing.reduce((sum, value) => sum + value * value, 0) / channels);
  for (let image = 0; image < IMAGES; image++) {
    const sources = Array.from({ length: channels }, () => smoothField(random, smoothness));
    const map = Array.from({ length: channels }, (_, channel) => {
      const own = smoothField(random, smoothness);
      return own.map((value, at) => {
        let mixed = 0;
        for (let k = 0; k < channels; k++)
          mixed += (mixing[channel * channels + k] ?? 0) * (sources[k]?.[at] ?? 0);
        return (gains[channel] ?? 1) * Math.max(0, mixed / norm + noise * value + (shift[channel] ?? 0));
      });
    });
    for (let y = 0; y + 2 < SIDE; y++)
      for (let x = 0; x + 2 < SIDE; x++)
        for (const plane of map)
          for (let tap = 0; tap < 9; tap++)
            rows.push(plane[(y + Math.floor(tap / 3)) * SIDE + x + (tap % 3)] ?? 0);
  }
  return Float32Array.from(rows);
}

/** Normal numbers of deviation 1, each with the correlation `smoothness` to its neighbours. */
function smoothField(random: SeededRandom, smoothness: number): Float64Array {
  const field = new Float64Array(SIDE * SIDE).map(() => random.normal());
  const fresh = Math.sqrt(1 - smoothness * smoothness);
  for (const step of [1, SIDE]) {
    for (let at = 0; at < field.length; at++) {
      const isFirst = step === 1 ? at % SIDE === 0 : at < SIDE;
      if (!isFirst) field[at] = smoothness * (field[at - step] ?? 0) + fresh * (field[at] ?? 0);
    }
  }
  return field;
}

function momentsOf(rows: Float32Array, columns: number, depth: number): LayerMoments {
  const count = rows.length / depth;
  const sums = new Float64Array(depth * depth);
  const byElement = transposed({ values: rows, start: 0, step: depth }, count, depth);
  subtractProducts({ values: sums, start: 0, step: depth }, byElement, byElement, depth, depth, count);
  const mean = Float64Array.from({ length: depth }, (_, k) => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += rows[row * depth + k] ?? 0;
    return sum / count;
  });
  return {
    view: packedView(1, columns, depth),
    rows: count,
    second: sums.map((sum) => -sum / count),
    mean,
    floatMean: mean,
  };
}
