/** Made-up layers for tests of weight recovery. */
import { packedView, type MatrixView } from '../../../src/core/calibrate/weightMatrix';
import type { WeightGrid } from '../../../src/core/quant/weightGrid';
import type { LayerMoments } from '../../../src/core/recover/moments';
import { normalNoise } from '../../support/random';

/** The nearest of the ascending values of each column's table; columns stand one after another. */
export function tableGrid(tables: readonly ArrayLike<number>[], depth: number): WeightGrid {
  const tableAt = (at: number): ArrayLike<number> => tables[Math.floor(at / depth) % tables.length] ?? [];
  return {
    codeOf(at, value) {
      const table = tableAt(at);
      let code = 0;
      while (code + 1 < table.length && value >= ((table[code] ?? 0) + (table[code + 1] ?? 0)) / 2) code++;
      return code;
    },
    valueOf: (at, code) => tableAt(at)[code] ?? NaN,
  };
}

/** Integers of `bits` with a scale for each column: its greatest magnitude is the greatest code. */
export function integerGrid(weights: Float32Array, depth: number, bits: number): WeightGrid {
  const most = 2 ** (bits - 1) - 1;
  const tables = Array.from({ length: weights.length / depth }, (_, column) => {
    const own = weights.subarray(column * depth, (column + 1) * depth);
    const scale = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / most;
    return Array.from({ length: 2 * most + 2 }, (_, code) => (code - most - 1) * scale);
  });
  return tableGrid(tables, depth);
}

/** Rows of inputs: [groups, rows, depth]. */
export interface InputRows {
  readonly values: Float32Array;
  readonly rows: number;
}

/**
 * Neighbouring elements are alike, and no mean is 0.
 * @param noise of each element alone, beside 1 of what it shares with others.
 */
export function alikeRows(view: MatrixView, rows: number, seed: number, noise = 0.5): InputRows {
  const { groups, depth } = view;
  const own = normalNoise(groups * rows * depth, seed);
  const values = own.map((value) => noise * value);
  for (let row = 0; row < groups * rows; row++) {
    let level = 0.5;
    for (let k = 0; k < depth; k++) {
      level = 0.8 * level + 0.6 * (own[(row * depth + 7 * k) % own.length] ?? 0);
      values[row * depth + k] = Math.max(0, 0.3 + level + (values[row * depth + k] ?? 0));
    }
  }
  return { values, rows };
}

/** Moments of rows x̂, with those of the float rows x when they are given. */
export function momentsOf(view: MatrixView, quantized: InputRows, float?: InputRows): LayerMoments {
  return {
    view,
    rows: quantized.rows,
    second: products(view, quantized, quantized),
    mean: means(view, quantized),
    floatMean: means(view, float ?? quantized),
    ...(float && { cross: products(view, float, quantized) }),
  };
}

function products({ groups, depth }: MatrixView, left: InputRows, right: InputRows): Float64Array {
  const sums = new Float64Array(groups * depth * depth);
  for (let row = 0; row < groups * left.rows; row++) {
    const into = Math.floor(row / left.rows) * depth * depth;
    for (let i = 0; i < depth; i++) {
      for (let j = 0; j < depth; j++) {
        const product = (left.values[row * depth + i] ?? 0) * (right.values[row * depth + j] ?? 0);
        sums[into + i * depth + j] = (sums[into + i * depth + j] ?? 0) + product / left.rows;
      }
    }
  }
  return sums;
}

function means({ groups, depth }: MatrixView, { values, rows }: InputRows): Float64Array {
  const sums = new Float64Array(groups * depth);
  for (let at = 0; at < values.length; at++) {
    const into = Math.floor(at / depth / rows) * depth + (at % depth);
    sums[into] = (sums[into] ?? 0) + (values[at] ?? 0) / rows;
  }
  return sums;
}

export interface MadeLayer {
  readonly view: MatrixView;
  readonly weights: Float32Array;
  readonly inputs: InputRows;
  readonly moments: LayerMoments;
}

/** Normal weights, [groups, columns, depth] one after another, with inputs that are alike. */
export function madeLayer(
  groups: number,
  columns: number,
  depth: number,
  rows: number,
  seed: number,
): MadeLayer {
  const view = packedView(groups, columns, depth);
  const inputs = alikeRows(view, rows, seed);
  return {
    view,
    weights: normalNoise(groups * columns * depth, seed + 1),
    inputs,
    moments: momentsOf(view, inputs),
  };
}

/** Σ (x·w − x̂·ŵ)² over all rows and columns, by rows rather than by moments. */
export function outputError(
  view: MatrixView,
  weights: ArrayLike<number>,
  inputs: InputRows,
  rounded: ArrayLike<number>,
  roundedInputs: InputRows = inputs,
): number {
  const { groups, columns, depth } = view;
  let error = 0;
  for (let row = 0; row < groups * inputs.rows; row++) {
    const group = Math.floor(row / inputs.rows);
    for (let column = 0; column < columns; column++) {
      let difference = 0;
      for (let k = 0; k < depth; k++) {
        const at = (group * columns + column) * depth + k;
        difference += (inputs.values[row * depth + k] ?? 0) * (weights[at] ?? 0);
        difference -= (roundedInputs.values[row * depth + k] ?? 0) * (rounded[at] ?? 0);
      }
      error += difference ** 2;
    }
  }
  return error;
}

export function nearestCodes(weights: Float32Array, grid: WeightGrid): Int16Array {
  return Int16Array.from(weights, (weight, at) => grid.codeOf(at, weight));
}

export function valuesOf(codes: Int16Array, grid: WeightGrid): Float64Array {
  return Float64Array.from(codes, (code, at) => grid.valueOf(at, code));
}
