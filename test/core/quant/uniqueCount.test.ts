import { describe, expect, it } from 'vitest';
import { uniqueCount } from '../../../src/core/quant/uniqueCount';
import { normalNoise } from '../../support/random';

/** Some values many times, some once. */
function mixed(length: number, seed: number): Float32Array {
  return normalNoise(length, seed).map((value, i) => (i % 3 === 0 ? Math.round(value * 50) / 50 : value));
}

describe('uniqueCount', () => {
  it.each([10, 4096, 4097, 100_000, 300_000])('counts %i values like a set', (length) => {
    const values = mixed(length, 3);
    expect(uniqueCount(values)).toBe(new Set(values).size);
  });

  it.each([1, 5000])('takes both zeros for one among %i', (length) => {
    const values = new Float32Array(length + 1);
    values[length] = -0;
    expect(uniqueCount(values)).toBe(1);
  });

  it('tells values apart that differ in any bit', () => {
    const bits = Uint32Array.from(
      { length: 8192 },
      (_, i) => (i % 30 === 29 ? 1 : 1 << (i % 30)) + 0x3f80 * (i >> 6),
    );
    const values = new Float32Array(bits.buffer);
    expect(uniqueCount(values)).toBe(new Set(bits).size);
  });

  it('leaves nothing behind for the next count', () => {
    const values = mixed(50_000, 7);
    const first = uniqueCount(values);
    expect(uniqueCount(new Float32Array(20_000).fill(2))).toBe(1);
    expect(uniqueCount(values)).toBe(first);
  });

  it('looks at its own part of a buffer', () => {
    expect(uniqueCount(Float32Array.of(1, 2, 3, 3).subarray(2))).toBe(1);
    const values = mixed(10_000, 9);
    expect(uniqueCount(values.subarray(3000, 9000))).toBe(new Set(values.subarray(3000, 9000)).size);
  });

  it('of nothing is 0', () => {
    expect(uniqueCount(new Float32Array(0))).toBe(0);
  });

  it('stops above a limit', () => {
    const values = mixed(100_000, 4);
    expect(uniqueCount(values, 100)).toBeGreaterThan(100);
    expect(uniqueCount(values.subarray(0, 90), 100)).toBe(new Set(values.subarray(0, 90)).size);
  });
});
