import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packedView, type MatrixView } from '../../../src/core/calibrate/weightMatrix';
import { CancelledError, RoundoffError } from '../../../src/core/errors';
import type { WeightGrid } from '../../../src/core/quant/weightGrid';
import { type Compute, computeHere } from '../../../src/core/recover/compute';
import { factorLayer } from '../../../src/core/recover/factor';
import { roundGptq } from '../../../src/core/recover/gptq';
import { RuntimeProducts } from '../../../src/core/recover/runtimeProducts';
import { decodeBase64, floats } from '../../golden/decode';
import { runtime } from '../../support/runtime';
import { integerGrid, madeLayer, nearestCodes, outputError, tableGrid, valuesOf } from './layers';

interface GoldenLayer {
  readonly name: string;
  readonly groups: number;
  readonly columns: number;
  readonly depth: number;
  readonly dead: readonly number[];
  readonly entries: number;
  readonly weights: string;
  readonly second: string;
  readonly tables: string;
  readonly codes: { readonly natural: string; readonly byEnergy: string };
}

const golden = JSON.parse(readFileSync(new URL('../../golden/gptq/gptq.json', import.meta.url), 'utf8')) as {
  damping: number;
  layers: GoldenLayer[];
};

const doubles = (base64: string): Float64Array => new Float64Array(decodeBase64(base64).buffer);
const shorts = (base64: string): Int16Array => new Int16Array(decodeBase64(base64).buffer);

describe('roundGptq', () => {
  it.each(golden.layers)('chooses the codes of the textbook: $name', async (layer) => {
    const view = packedView(layer.groups, layer.columns, layer.depth);
    const tables = doubles(layer.tables);
    const rows = Array.from({ length: layer.groups * layer.columns }, (_, row) =>
      tables.subarray(row * layer.entries, (row + 1) * layer.entries),
    );
    const grid = tableGrid(rows, layer.depth);
    const second = floats(layer.second);
    const mean = new Float64Array(layer.groups * layer.depth).fill(1);
    for (const element of layer.dead) mean[element] = 0;
    const moments = { view, rows: 400, second, mean, floatMean: mean };
    for (const [order, actOrder] of [
      ['natural', false],
      ['byEnergy', true],
    ] as const) {
      const factors = await factorLayer(moments, { damping: golden.damping, actOrder }, computeHere);
      const codes = await roundGptq(floats(layer.weights), view, grid, factors, computeHere);
      expect(codes, order).toEqual(shorts(layer.codes[order]));
    }
  });

  it('does not mind second moments of too low a rank, and passes on the errors of 300 elements', async () => {
    const { view, weights, inputs, moments } = madeLayer(1, 20, 300, 100, 5);
    const grid = integerGrid(weights, 300, 4);
    const factors = await factorLayer(moments, {}, computeHere);
    expect(factors[0]?.dampingPart).toBe(0.01);
    const codes = await roundGptq(weights, view, grid, factors, computeHere);
    const error = outputError(view, weights, inputs, valuesOf(codes, grid));
    const nearest = outputError(view, weights, inputs, valuesOf(nearestCodes(weights, grid), grid));
    expect(error).toBeLessThan(nearest / 10);
  });

  it('gives the same codes by products of the runtime', async () => {
    const { view, weights, moments } = madeLayer(1, 50, 400, 300, 6);
    const grid = integerGrid(weights, 400, 4);
    const codesBy = async (compute: Compute): Promise<Int16Array> =>
      roundGptq(weights, view, grid, await factorLayer(moments, {}, compute), compute);
    const products = await RuntimeProducts.open(runtime);
    let runs = 0;
    const counted: Compute = {
      subtractProducts: (...product) => (runs++, products.subtractProducts(...product)),
    };
    try {
      expect(await codesBy(counted)).toEqual(await codesBy(computeHere));
      expect(runs).toBeGreaterThan(10);
    } finally {
      await products.release();
    }
  });

  it('reads weights that stand the other way round', async () => {
    const { view, weights, moments } = madeLayer(2, 6, 30, 100, 7);
    const grid = integerGrid(weights, 30, 4);
    const factors = await factorLayer(moments, {}, computeHere);
    const codes = await roundGptq(weights, view, grid, factors, computeHere);
    // [groups, depth, columns]: a MatMul's weights.
    const turned: MatrixView = { ...view, columnStep: 1, depthStep: 6 };
    const place = (at: number): number =>
      Math.floor(at / 180) * 180 + (at % 30) * 6 + (Math.floor(at / 30) % 6);
    const from = (at: number): number =>
      Math.floor(at / 180) * 180 + (at % 6) * 30 + (Math.floor(at / 6) % 30);
    const turnedGrid: WeightGrid = {
      codeOf: (at, value) => grid.codeOf(from(at), value),
      valueOf: (at, code) => grid.valueOf(from(at), code),
    };
    const turnedWeights = weights.map((_, at) => weights[from(at)] ?? NaN);
    const turnedCodes = await roundGptq(turnedWeights, turned, turnedGrid, factors, computeHere);
    expect(turnedCodes.map((_, at) => turnedCodes[place(at)] ?? NaN)).toEqual(codes);
  });

  it('raises the damping where a matrix is not positive definite, and says so', async () => {
    const view = packedView(1, 1, 2);
    const mean = new Float64Array(2);
    const second = Float64Array.of(1, 1.05, 1.05, 1);
    const [factor] = await factorLayer({ view, rows: 1, second, mean, floatMean: mean }, {}, computeHere);
    expect(factor?.dampingPart).toBeCloseTo(0.1);
    await expect(
      factorLayer({ view, rows: 1, second: second.fill(NaN), mean, floatMean: mean }, {}, computeHere),
    ).rejects.toThrow(RoundoffError);
  });

  it('stops when it is cancelled', async () => {
    const { view, weights, moments } = madeLayer(1, 4, 20, 50, 8);
    const factors = await factorLayer(moments, {}, computeHere);
    const work = { signal: { aborted: true } };
    const grid = integerGrid(weights, 20, 4);
    await expect(roundGptq(weights, view, grid, factors, computeHere, work)).rejects.toThrow(CancelledError);
  });
});
