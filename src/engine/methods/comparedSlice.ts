import { InputError } from '../../core/errors';
import type { Slice } from '../../core/ports';
import type { DataRequest } from '../../shared/rpc';
import { readSamples, sliceOf } from '../data/slices';
import type { ModelData } from './modelData';

/** A request that says how the data is dealt means the part of it that no model has seen. */
export function calledVerify({ samples, seed }: DataRequest): boolean {
  return samples !== undefined || seed !== undefined;
}

/**
 * What two models are compared on.
 * @param isDealt the verify slice, else every sample.
 * @throws InputError when calibration has left nothing.
 */
export function comparedSlice({ dataSet, deal }: ModelData, isDealt: boolean): Slice {
  if (isDealt) {
    if (deal.verify.length > 0) return sliceOf(dataSet, deal, 'verify');
    throw new InputError(
      `${dataSet.data} has no samples left to compare with: calibration takes all of them.`,
    );
  }
  const all = Array.from({ length: dataSet.length }, (_, index) => index);
  return { name: 'verify', length: all.length, samples: () => readSamples(dataSet, all) };
}
