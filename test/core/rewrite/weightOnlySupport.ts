/** Quantizing the weights of a small model and comparing what it gives. */
import { expect } from 'vitest';
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Feeds } from '../../../src/core/ports';
import type { LayerScheme } from '../../../src/core/quant/scheme';
import { rewrite, type Rewritten } from '../../../src/core/rewrite/rewrite';
import { run, sqnr } from '../../support/rewriting';
import { samples } from './models';

/** One scheme of each kind that changes weights only. */
export const weightOnlySchemes: readonly LayerScheme[] = ['w8', 'w4', 'lut16', 'pow2-5', 'fp16'];

/** Least SQNR of each scheme with weights of this size, in dB. */
const least: Readonly<Record<string, number>> = { w8: 35, w4: 10, lut16: 12, 'pow2-5': 10, fp16: 55 };

export const planOf = (defaultScheme: LayerScheme) => ({ ...defaultPlan, defaultScheme });

/** Quantizes without data; `y` of the result, at full optimization, is near that of the original. */
export async function quantizeAndCompare(
  original: Model,
  scheme: LayerScheme,
  feeds: readonly Feeds[],
): Promise<Rewritten> {
  const result = await rewrite(original, planOf(scheme), new Map());
  for (const sample of feeds) {
    const { y: before = [] } = await run(original, sample, 'none');
    const { y: after = [] } = await run(result.model, sample);
    expect(after.length).toBe(before.length);
    expect(sqnr(before, after)).toBeGreaterThan(least[scheme] ?? Infinity);
  }
  return result;
}

/** Samples for `x` with either value of `flag`. */
export function bothWays(dims: readonly number[]): Feeds[] {
  return [1, 0].flatMap((value) =>
    samples(dims, 2).map((sample): Feeds => ({
      ...sample,
      flag: { type: 'bool', dims: [], data: Uint8Array.of(value) },
    })),
  );
}
