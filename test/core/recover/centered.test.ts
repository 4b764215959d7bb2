import { describe, expect, it } from 'vitest';
import { packedView } from '../../../src/core/calibrate/weightMatrix';
import { biasDelta } from '../../../src/core/recover/bias';
import { centerMoments } from '../../../src/core/recover/centered';
import { computeHere } from '../../../src/core/recover/compute';
import { factorLayer } from '../../../src/core/recover/factor';
import { floatTarget } from '../../../src/core/recover/floatTarget';
import { roundGptq } from '../../../src/core/recover/gptq';
import type { LayerMoments } from '../../../src/core/recover/moments';
import { multiplyHere } from '../../../src/core/recover/multiply';
import { gridValues, outputError } from '../../../src/core/recover/refit';
import { alikeRows, integerGrid, madeLayer, momentsOf, nearestCodes, type InputRows } from './layers';

/** Mean squared error of the outputs, each column less the mean of its error: what the best bias leaves. */
function errorBesideMeans(
  { groups, columns, depth }: LayerMoments['view'],
  weights: Float32Array,
  float: InputRows,
  rounded: Float32Array,
  quantized: InputRows,
): number {
  let error = 0;
  for (let column = 0; column < groups * columns; column++) {
    const first = Math.floor(column / columns) * float.rows * depth;
    const differences = Array.from({ length: float.rows }, (_, row) => {
      let difference = 0;
      for (let k = 0; k < depth; k++) {
        const at = first + row * depth + k;
        difference += (weights[column * depth + k] ?? 0) * (float.values[at] ?? 0);
        difference -= (rounded[column * depth + k] ?? 0) * (quantized.values[at] ?? 0);
      }
      return difference;
    });
    const mean = differences.reduce((sum, each) => sum + each, 0) / float.rows;
    error += differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / float.rows;
  }
  return error;
}

describe('centerMoments', () => {
  const { view, weights, inputs } = madeLayer(2, 6, 20, 150, 31);
  const noise = alikeRows(view, 150, 78);
  const disturbed: InputRows = {
    rows: 150,
    values: inputs.values.map((value, at) => 0.8 * value + 0.2 * (noise.values[at] ?? 0)),
  };
  const grid = integerGrid(weights, 20, 3);

  it('leaves the error that a corrected bias does not take away', async () => {
    const moments = momentsOf(view, inputs);
    const rounded = gridValues(nearestCodes(weights, grid), grid);
    centerMoments(moments);
    const { noise: measured } = await outputError(weights, rounded, moments, multiplyHere);
    expect(measured).toBeCloseTo(errorBesideMeans(view, weights, inputs, rounded, inputs), 3);
  });

  it('chooses codes that are better once the bias is corrected', async () => {
    const errorBy = async (moments: LayerMoments): Promise<number> => {
      const factors = await factorLayer(moments, {}, computeHere);
      const wanted = await floatTarget(weights, moments, factors, multiplyHere, computeHere);
      const codes = await roundGptq(wanted, view, grid, factors, computeHere);
      return errorBesideMeans(view, weights, inputs, gridValues(codes, grid), disturbed);
    };
    const centred = momentsOf(view, disturbed, inputs);
    centerMoments(centred);
    expect(await errorBy(centred)).toBeLessThan(await errorBy(momentsOf(view, disturbed, inputs)));
  });

  it('takes an element that is always the same for one that the bias stands in for', async () => {
    const small = packedView(1, 2, 3);
    const rows: InputRows = { rows: 4, values: Float32Array.of(1, 0.3, 0, 2, 0.3, 0, 0, 0.3, 0, 3, 0.3, 0) };
    const moments = momentsOf(small, rows, rows);
    centerMoments(moments);
    const onlyFirst = [true, ...Array<boolean>(8).fill(false)];
    expect([...moments.second].map((value) => value !== 0)).toEqual(onlyFirst);
    expect([...(moments.cross ?? [])].map((value) => Math.abs(value) > 1e-7)).toEqual(onlyFirst);
    const [factor] = await factorLayer(moments, {}, computeHere);
    expect(factor?.dead).toEqual(Uint8Array.of(0, 0, 1));
    // What it added to the output is made up for.
    const map = { channels: 2, columnsPerChannel: 1, share: 1 };
    const float = Float32Array.of(1, 2, 3, 4, 5, 6);
    const delta = biasDelta(float, Float32Array.of(1, 0, 0, 4, 0, 0), small, moments, map);
    expect([...delta].map((value) => value.toFixed(4))).toEqual(['0.6000', '1.5000']);
  });
});
