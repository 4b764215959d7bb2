import { describe, expect, it } from 'vitest';
import { feedsFor } from '../../../src/core/compare/feedsFor';
import { floats } from '../../support/slices';

const ids = { type: 'int64', dims: [1], data: BigInt64Array.of(5n) } as const;

describe('feedsFor(inputs, feeds)', () => {
  it('gives real numbers in the type that is wanted, and leaves the rest alone', () => {
    const inputs = [
      { name: 'ids', type: 'int64' },
      { name: 'x', type: 'float16' },
    ] as const;
    const feeds = feedsFor(inputs, { x: floats([1, -2], [1, 2]), ids });
    expect(feeds['x']).toEqual({ type: 'float16', dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) });
    expect(feeds['ids']).toBe(ids);
    const back = feedsFor([{ name: 'x', type: 'float32' }], { x: feeds['x'] ?? ids });
    expect(back['x']?.data).toEqual(Float32Array.of(1, -2));
  });

  it('refuses numbers that would become infinite', () => {
    expect(() => feedsFor([{ name: 'y', type: 'float16' }], { x: floats([1, 1e6], [1, 2]) })).toThrow(
      'Input y of the second model cannot be fed with the data of the first: 1.00000e+6 is beyond the range of float16, ' +
        'which ends at ±65504. Compare the models on data within that range.',
    );
  });

  it('takes inputs in turn where names differ, when there are as many', () => {
    const x = floats([1], [1]);
    expect(feedsFor([{ name: 'input', type: 'float32' }], { x })).toEqual({ input: x });
    const two = [
      { name: 'input', type: 'float32' },
      { name: 'mask', type: 'float32' },
    ] as const;
    expect(feedsFor(two, { x })).toEqual({});
  });
});
