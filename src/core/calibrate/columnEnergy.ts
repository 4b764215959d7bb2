import type { LayerRows, RowBlock } from './layerRows';
import { forEachColumn, type MatrixView } from './weightMatrix';

/** Least weight of an element, as a part of the greatest: k-means needs all to be positive. */
const LEAST_IMPORTANCE = 1e-6;

const known = new WeakMap<LayerRows, (() => Float32Array) | undefined>();

/** Mean square of each element of a layer's input rows: [groups · depth]. */
export function columnEnergy({ rows, values }: RowBlock, { groups, depth }: MatrixView): Float64Array {
  const energies = new Float64Array(groups * depth);
  for (let row = 0; row < groups * rows; row++) {
    const into = Math.floor(row / rows) * depth;
    const from = row * depth;
    for (let k = 0; k < depth; k++) {
      const value = values[from + k] ?? 0;
      energies[into + k] = (energies[into + k] ?? 0) + value * value;
    }
  }
  return energies.map((sum) => sum / rows);
}

/**
 * For each element of a layer's weight, the energy of what it is multiplied with: to first order (inputs uncorrelated) the
 * error at the output is Σ energy · (w − w')². Taken from the rows in `fit`. Absent when the inputs are all zero or not finite.
 */
export function importanceOf(rows: LayerRows): (() => Float32Array) | undefined {
  // One function per layer: codebooks that were fitted with it are known by it.
  if (!known.has(rows)) known.set(rows, importanceFrom(rows));
  return known.get(rows);
}

function importanceFrom({ fit, view }: LayerRows): (() => Float32Array) | undefined {
  const energies = columnEnergy(fit, view);
  const largest = energies.reduce((most, energy) => Math.max(most, energy), 0);
  if (!(largest > 0) || !energies.every(Number.isFinite)) return undefined;
  return () => {
    const { groups, columns, depth, depthStep } = view;
    const importance = new Float32Array(groups * columns * depth);
    forEachColumn(view, (start, _column, group) => {
      for (let k = 0; k < depth; k++) {
        const energy = energies[group * depth + k] ?? 0;
        importance[start + k * depthStep] = Math.max(energy / largest, LEAST_IMPORTANCE);
      }
    });
    return importance;
  };
}
