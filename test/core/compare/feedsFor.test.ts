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
    const feeds = feedsFor(inputs, ['x', 'ids'], { x: floats([1, -2], [1, 2]), ids });
    expect(feeds['x']).toEqual({ type: 'float16', dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) });
    expect(feeds['ids']).toBe(ids);
    const back = feedsFor([{ name: 'x', type: 'float32' }], ['x'], { x: feeds['x'] ?? ids });
    expect(back['x']?.data).toEqual(Float32Array.of(1, -2));
  });

  it('refuses numbers that would become infinite', () => {
    const inputs = [{ name: 'y', type: 'float16' }] as const;
    expect(() => feedsFor(inputs, ['x'], { x: floats([1, 1e6], [1, 2]) })).toThrow(
      'Input y of the second model cannot be fed with the data of the first: 1.00000e+6 is beyond the range of float16, ' +
        'which ends at ±65504. Compare the models on data within that range.',
    );
  });

  const real = (name: string) => ({ name, type: 'float32' }) as const;
  const [x, y] = [floats([1], [1]), floats([2], [1])];

  it('takes inputs in turn where names differ, when there are as many', () => {
    expect(feedsFor([real('input')], ['x'], { x })).toEqual({ input: x });
    expect(feedsFor([real('input'), real('mask')], ['x'], { x })).toEqual({});
  });

  it('goes by the names that both have first, in whatever order', () => {
    expect(feedsFor([real('z'), real('x')], ['x', 'y'], { x, y })).toEqual({ z: y, x });
  });

  it('goes by the order of the model, not by that of the data or of names that are numbers', () => {
    expect(feedsFor([real('u'), real('v')], ['x', 'y'], { y, x })).toEqual({ u: x, v: y });
    expect(feedsFor([real('u'), real('v')], ['x', '0'], { x, 0: y })).toEqual({ u: x, v: y });
  });
});
