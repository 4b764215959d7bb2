import type { Feeds, RuntimeTensor, Sample, Slice, SliceName } from '../../src/core/ports';
import { readNpz } from './npz';

/** A slice over samples in memory. */
export function sliceOf(name: SliceName, samples: readonly Sample[]): Slice {
  return {
    name,
    length: samples.length,
    async *samples() {
      yield* samples;
    },
  };
}

export function floats(data: Float32Array | readonly number[], dims: readonly number[]): RuntimeTensor {
  return { type: 'float32', data: Float32Array.from(data), dims };
}

/** Samples of one row each from arrays whose first dimension counts samples; `labels` (any integers) become labels. */
export function samplesFromNpz(path: string, limit = Infinity): Sample[] {
  const { labels, ...inputs } = readNpz(path);
  const [first] = Object.values(inputs);
  const count = Math.min(first?.shape[0] ?? 0, limit);
  return Array.from({ length: count }, (_, index) => {
    const feeds: Feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => {
        const size = shape.slice(1).reduce((a, b) => a * b, 1);
        const row = Float32Array.from({ length: size }, (_, i) => Number(data[index * size + i]));
        return [name, floats(row, [1, ...shape.slice(1)])];
      }),
    );
    if (!labels) return { index, feeds };
    const size = labels.shape.slice(1).reduce((a, b) => a * b, 1);
    const values = Int32Array.from({ length: size }, (_, i) => Number(labels.data[index * size + i]));
    return { index, feeds, label: labels.shape.length === 1 ? Number(values[0]) : values };
  });
}
