import { InputError } from '../../core/errors';
import type { Sample, Slice, SliceName } from '../../core/ports';
import type { DataSet } from './dataSet';
import { SeededRandom } from './seededRandom';

/** Deals the slices when nobody chose another. */
export const DEFAULT_SEED = 1;

/** Sizes when nobody asked for one: more samples cost time and change the ranges and figures little. */
const MOST_CALIBRATE = 256;
const MOST_SCAN = 32;
const MOST_VERIFY = 512;

/** Positions in the data set per slice. No position is in two slices. */
export type Deal = Readonly<Record<SliceName, readonly number[]>>;

/**
 * Deals `length` samples into disjoint slices in an order given by `seed`.
 *
 * Calibrate gets `samples`, or else half of the data set up to 256. Scan gets at most half of what remains, up to
 * `scanSamples`. Verify gets what then remains, up to 512. With few samples, verify comes before scan: two
 * samples give one to calibrate and one to verify.
 * @throws InputError when `samples` is not a positive integer or exceeds the data set.
 */
export function dealSlices(length: number, seed: number, samples?: number, scanSamples = MOST_SCAN): Deal {
  if (samples !== undefined) {
    if (!Number.isInteger(samples) || samples < 1) {
      throw new InputError(`The number of samples must be a positive whole number, not ${samples}.`);
    }
    if (samples > length)
      throw new InputError(`${samples} samples were asked for, but the data has ${length}.`);
  }
  const order = new SeededRandom(seed).permutation(length);
  const calibrate = samples ?? Math.min(Math.max(1, Math.floor(length / 2)), MOST_CALIBRATE);
  const rest = length - calibrate;
  const scan = Math.min(Math.floor(rest / 2), scanSamples);
  const verify = Math.min(rest - scan, MOST_VERIFY);
  return {
    calibrate: order.slice(0, calibrate),
    scan: order.slice(calibrate, calibrate + scan),
    verify: order.slice(calibrate + scan, calibrate + scan + verify),
  };
}

/** A slice of `dataSet` that reads its samples each time it is iterated: memory holds one sample. */
export function sliceOf(dataSet: DataSet, deal: Deal, name: SliceName): Slice {
  const { length } = deal[name];
  return { name, length, source: dataSet.data, samples: () => readSamples(dataSet, deal[name]) };
}

/** The samples at `positions`, in that order. */
export async function* readSamples(dataSet: DataSet, positions: Iterable<number>): AsyncIterable<Sample> {
  for (const position of positions) yield await dataSet.sample(position);
}
