import { describe, expect, it } from 'vitest';
import { pairNames } from '../../../src/core/compare/pairNames';

const pairs = (a: string[], b: string[]): Record<string, string> => Object.fromEntries(pairNames(a, b));

describe('pairNames(a, b)', () => {
  it('goes by names first, and by order for the others', () => {
    expect(pairs(['x', 'y'], ['z', 'x'])).toEqual({ z: 'y', x: 'x' });
    expect(pairs(['x', 'y', 'k'], ['k', 'u', 'v'])).toEqual({ k: 'k', u: 'x', v: 'y' });
  });

  it('never takes a name twice', () => {
    expect(pairs(['o1', 'o2'], ['other', 'o1'])).toEqual({ other: 'o2', o1: 'o1' });
  });

  it('does not guess where other numbers are left over', () => {
    expect(pairs(['x'], ['x', 'seed'])).toEqual({ x: 'x' });
    expect(pairs(['x', 'y'], ['x', 'u', 'v'])).toEqual({ x: 'x' });
  });
});
