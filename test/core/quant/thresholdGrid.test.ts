import { describe, expect, it } from 'vitest';
import { countUpTo } from '../../../src/core/quant/kmeans';
import { ThresholdGrid } from '../../../src/core/quant/thresholdGrid';
import { normalNoise } from '../../support/random';

describe('ThresholdGrid', () => {
  it('finds what a binary search finds, at the thresholds too', () => {
    const normal = Float64Array.from(normalNoise(255, 1)).sort();
    const cases: Float64Array[] = [
      new Float64Array(0),
      Float64Array.of(0.5),
      Float64Array.of(2, 2, 2),
      Float64Array.of(-1e-45, 0, 1e-45),
      Float64Array.of(-3e38, 0, 1e-30, 3e38),
      normal.subarray(0, 15),
      normal,
    ];
    for (const thresholds of cases) {
      const values = Float32Array.of(
        ...normalNoise(2000, 2),
        ...thresholds,
        ...Float32Array.from(thresholds, (each) => each * 1.0000001),
        -3.4e38,
        3.4e38,
        0,
        -0,
      );
      for (const scale of [1, 0.37, 1e-3]) {
        const counts = new Uint8Array(values.length);
        new ThresholdGrid(thresholds).countAll(values, 1, values.length, scale, counts);
        const expected = Array.from(values, (value) => countUpTo(thresholds, Math.fround(value / scale)));
        expect([...counts]).toEqual([0, ...expected.slice(1)]);
      }
    }
  });
});
