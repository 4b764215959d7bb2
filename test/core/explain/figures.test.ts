import { describe, expect, it } from 'vitest';
import { costInBytes, percent } from '../../../src/core/explain/figures';

describe('percent(share)', () => {
  it.each([
    [0, '0 %'],
    [0.0004, '0.04 %'],
    [0.0314, '3 %'],
    [0.094, '9 %'],
    [0.095, '10 %'],
    [0.0999, '10 %'],
    [0.1, '10 %'],
    [12.34, '1234 %'],
  ])('%d → %s', (share, text) => expect(percent(share)).toBe(text));

  it('is part of what costs are told by', () => {
    expect(costInBytes(1000, 1097)).toBe('for 97 bytes more (+10 %)');
  });
});
