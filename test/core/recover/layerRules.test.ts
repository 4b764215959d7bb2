import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../../src/core/errors';
import { computeHere } from '../../../src/core/recover/compute';
import { descend } from '../../../src/core/recover/descent';
import { factorLayer } from '../../../src/core/recover/factor';
import { floatTarget } from '../../../src/core/recover/floatTarget';
import { FreeWeights } from '../../../src/core/recover/freeWeights';
import { roundGptq } from '../../../src/core/recover/gptq';
import { INQ_PAPER_STAGES, roundInq } from '../../../src/core/recover/inq';
import { multiplyHere } from '../../../src/core/recover/multiply';
import { gridValues, outputError, refitScales, withFactors } from '../../../src/core/recover/refit';
import {
  alikeRows,
  integerGrid,
  madeLayer,
  momentsOf,
  nearestCodes,
  outputError as errorByRows,
  tableGrid,
  valuesOf,
  type InputRows,
} from './layers';

const powers = Array.from({ length: 7 }, (_, i) => 2 ** (i - 5));
const powersOfTwo = tableGrid([[...powers.map((power) => -power).reverse(), 0, ...powers]], 1);

describe('outputError', () => {
  it('is the error of the rows that the moments are of', async () => {
    const { view, weights, inputs, moments } = madeLayer(3, 4, 10, 40, 1);
    const rounded = valuesOf(nearestCodes(weights, integerGrid(weights, 10, 4)), integerGrid(weights, 10, 4));
    const { noise, signal, sqnrDb } = await outputError(
      weights,
      Float32Array.from(rounded),
      moments,
      multiplyHere,
    );
    expect(noise * inputs.rows).toBeCloseTo(errorByRows(view, weights, inputs, rounded), 3);
    const nothing = new Float32Array(weights.length);
    expect(signal * inputs.rows).toBeCloseTo(errorByRows(view, weights, inputs, nothing), 2);
    expect(sqnrDb).toBeCloseTo(10 * Math.log10(signal / noise));
  });
});

describe('floatTarget', () => {
  const { view, weights, inputs } = madeLayer(2, 8, 30, 300, 2);
  const noise = alikeRows(view, 300, 77);
  const disturbed: InputRows = {
    rows: 300,
    values: inputs.values.map((value, at) => 0.8 * value + 0.2 * (noise.values[at] ?? 0)),
  };

  it('makes up for what earlier layers did to the input, so that codes chosen for it are better', async () => {
    const moments = momentsOf(view, disturbed, inputs);
    const grid = integerGrid(weights, 30, 6);
    const factors = await factorLayer(moments, {}, computeHere);
    const target = await floatTarget(weights, moments, factors, multiplyHere, computeHere);
    const chosen = await roundGptq(target, view, grid, factors, computeHere);
    const plain = await roundGptq(weights, view, grid, factors, computeHere);
    const errorOf = (values: ArrayLike<number>): number =>
      errorByRows(view, weights, inputs, values, disturbed);
    expect(errorOf(target)).toBeLessThan(0.8 * errorOf(weights));
    expect(errorOf(valuesOf(chosen, grid))).toBeLessThan(0.8 * errorOf(valuesOf(plain, grid)));
  });

  it('solves w·(C + λ·I) = w*·(H + λ·I)', async () => {
    const moments = momentsOf(view, disturbed, inputs);
    const factors = await factorLayer(moments, { actOrder: true }, computeHere);
    const target = await floatTarget(weights, moments, factors, multiplyHere, computeHere);
    for (const [group, { damping }] of factors.entries()) {
      const own = (values: Float32Array): Float32Array => values.subarray(group * 240, group * 240 + 240);
      const matrix = (values: ArrayLike<number> | undefined): Float64Array =>
        Float64Array.from(
          { length: 900 },
          (_, at) => (values?.[group * 900 + at] ?? NaN) + (at % 31 === 0 ? damping : 0),
        );
      const left = await multiplyHere(own(weights), { size: 30, values: matrix(moments.cross) });
      const right = await multiplyHere(own(target), { size: 30, values: matrix(moments.second) });
      left.forEach((value, at) => expect(right[at]).toBeCloseTo(value, 3));
    }
  });

  it('is the weights themselves where nothing is known of the float input', async () => {
    const moments = momentsOf(view, inputs);
    expect(await floatTarget(weights, moments, [], multiplyHere, computeHere)).toBe(weights);
  });
});

describe('FreeWeights', () => {
  it('finds by conjugate gradients what a direct solution gives', async () => {
    const { weights, moments } = madeLayer(1, 3, 12, 100, 3);
    const free = new FreeWeights(weights, { size: 12, values: moments.second }, 0.01, multiplyHere);
    // Fixed: another third of each row, 0.1 too great.
    weights.forEach((weight, at) => {
      if ((at + Math.floor(at / 12)) % 3 > 0) return;
      free.values[at] = weight + 0.1;
      free.isFree[at] = 0;
    });
    await free.solve(60);
    for (let row = 0; row < 3; row++) {
      const elements = Array.from({ length: 12 }, (_, k) => k);
      const isFree = (k: number): boolean => free.isFree[row * 12 + k] === 1;
      const h = (i: number, j: number): number =>
        (moments.second[i * 12 + j] ?? NaN) +
        (i === j ? (0.01 / 12) * elements.reduce((sum, k) => sum + (moments.second[k * 13] ?? NaN), 0) : 0);
      const unknown = elements.filter(isFree);
      const right = unknown.map(
        (i) => -0.1 * elements.filter((k) => !isFree(k)).reduce((sum, j) => sum + h(i, j), 0),
      );
      const expected = gauss(
        unknown.map((i) => unknown.map((j) => h(i, j))),
        right,
      );
      unknown.forEach((k, at) =>
        expect((free.values[row * 12 + k] ?? NaN) - (weights[row * 12 + k] ?? NaN)).toBeCloseTo(
          expected[at] ?? NaN,
          3,
        ),
      );
    }
  });
});

describe('roundInq', () => {
  it('beats the nearest powers of two, and more stages beat the paper’s four', async () => {
    const { view, weights, inputs, moments } = madeLayer(1, 24, 96, 400, 4);
    const errorOf = (codes: Int16Array): number =>
      errorByRows(view, weights, inputs, valuesOf(codes, powersOfTwo));
    const nearest = errorOf(nearestCodes(weights, powersOfTwo));
    const paper = errorOf(
      await roundInq(weights, powersOfTwo, moments, multiplyHere, { stages: INQ_PAPER_STAGES }),
    );
    const fine = errorOf(await roundInq(weights, powersOfTwo, moments, multiplyHere));
    expect(paper).toBeLessThan(nearest / 3);
    expect(fine).toBeLessThan(paper);
  });

  it('rounds groups each by its own moments, down to one column of nine weights', async () => {
    const { view, weights, inputs, moments } = madeLayer(6, 1, 9, 200, 5);
    const codes = await roundInq(weights, powersOfTwo, moments, multiplyHere);
    const nearest = nearestCodes(weights, powersOfTwo);
    const errorOf = (chosen: Int16Array): number =>
      errorByRows(view, weights, inputs, valuesOf(chosen, powersOfTwo));
    expect(errorOf(codes)).toBeLessThan(errorOf(nearest));
  });

  it('stops when it is cancelled between two products', async () => {
    const { weights, moments } = madeLayer(1, 4, 20, 50, 8);
    const signal = { aborted: false };
    let products = 0;
    const multiply: typeof multiplyHere = (rows, matrix) => {
      signal.aborted = ++products === 5;
      return multiplyHere(rows, matrix);
    };
    const rounding = roundInq(weights, powersOfTwo, moments, multiply, {}, { signal });
    await expect(rounding).rejects.toThrow(CancelledError);
    expect(products).toBe(5);
  });
});

describe('descend', () => {
  it('never raises the error, from the nearest codes or from GPTQ’s', async () => {
    for (const seed of [11, 12, 13]) {
      const { view, weights, inputs, moments } = madeLayer(2, 6, 60, 200, seed);
      for (const grid of [integerGrid(weights, 60, 4), powersOfTwo]) {
        const factors = await factorLayer(moments, {}, computeHere);
        const errorOf = (codes: Int16Array): number =>
          errorByRows(view, weights, inputs, valuesOf(codes, grid));
        for (const [codes, least] of [
          [nearestCodes(weights, grid), 0.8],
          [await roundGptq(weights, view, grid, factors, computeHere), 1],
        ] as const) {
          const better = await descend(weights, codes, grid, moments, multiplyHere, { damping: 0 });
          expect(errorOf(better)).toBeLessThanOrEqual(errorOf(codes) * least);
          // Nothing is left to do.
          expect(
            await descend(weights, better, grid, moments, multiplyHere, { damping: 0, sweeps: 50 }),
          ).toEqual(await descend(weights, codes, grid, moments, multiplyHere, { damping: 0, sweeps: 55 }));
        }
      }
    }
  });

  it('stays within the codes of the grid', async () => {
    const { weights, moments } = madeLayer(1, 6, 20, 200, 14);
    const few = tableGrid([[-0.1, 0, 0.1]], 1);
    const codes = await descend(weights, nearestCodes(weights, few), few, moments, multiplyHere);
    expect(Math.min(...codes)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...codes)).toBeLessThanOrEqual(2);
  });
});

describe('refitScales', () => {
  it('lowers the error of each channel to the least that a scale can', async () => {
    const { view, weights, inputs, moments } = madeLayer(1, 8, 40, 200, 21);
    const grid = integerGrid(weights, 40, 3);
    const rounded = gridValues(nearestCodes(weights, grid), grid);
    const layout = { outer: 1, channels: 8, inner: 40 };
    const factors = await refitScales(weights, rounded, moments, layout, multiplyHere);
    if (!factors) throw new Error('no factors');
    const errorWith = (each: Float32Array): number =>
      errorByRows(view, weights, inputs, withFactors(rounded, each, layout));
    const least = errorWith(factors);
    expect(least).toBeLessThan(errorWith(new Float32Array(8).fill(1)));
    for (let channel = 0; channel < 8; channel++) {
      for (const change of [0.99, 1.01])
        expect(
          errorWith(factors.map((factor, at) => (at === channel ? factor * change : factor))),
        ).toBeGreaterThan(least);
    }
  });

  it('has one factor for all columns of a tensor with one scale, and none where scales divide columns', async () => {
    const { weights, moments } = madeLayer(1, 8, 40, 200, 22);
    const halves = weights.map((weight) => weight / 2);
    const fit = (layout: { outer: number; channels: number; inner: number }) =>
      refitScales(weights, halves, moments, layout, multiplyHere);
    expect((await fit({ outer: 1, channels: 1, inner: 320 }))?.[0]).toBeCloseTo(2, 5);
    expect(await fit({ outer: 8, channels: 40, inner: 1 })).toBeUndefined();
  });
});

/** Gaussian elimination with pivots. */
function gauss(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at] ?? NaN]);
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    rows.sort((a, b) =>
      rows.indexOf(a) < k || rows.indexOf(b) < k ? 0 : Math.abs(b[k] ?? 0) - Math.abs(a[k] ?? 0),
    );
    const pivot = rows[k] ?? [];
    for (const [at, row] of rows.entries()) {
      if (at === k) continue;
      const part = (row[k] ?? 0) / (pivot[k] ?? NaN);
      for (let j = k; j <= size; j++) row[j] = (row[j] ?? 0) - part * (pivot[j] ?? 0);
    }
  }
  return rows.map((row, k) => (row[size] ?? NaN) / (row[k] ?? NaN));
}
