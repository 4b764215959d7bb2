import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDb,
  formatDigits,
  formatNumber,
  formatPercent,
  formatShape,
  plural,
} from '../../src/shared/format';

describe('formatBytes(bytes)', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [1_951_118, '1.95 MB'],
    [12_345_678, '12.3 MB'],
    [6e9, '6.00 GB'],
    [5e15, '5000 TB'],
  ])('%d → %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatCount(count)', () => {
  it.each([
    [0, '0'],
    [481_342, '481 k'],
    [1_820_000_000, '1.82 G'],
  ])('%d → %s', (count, text) => expect(formatCount(count)).toBe(text));
});

describe('formatNumber(value)', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [0.012345, '0.0123'],
    [0.000123, '1.2e-4'],
    [-1234, '-1230'],
    [123456789, '1.2e+8'],
  ])('%d → %s', (value, text) => expect(formatNumber(value)).toBe(text));
});

describe('formatDigits(value, digits)', () => {
  it.each([
    [0.00131, 3, '0.00131'],
    [12, 3, '12.0'],
    [999.7, 3, '1000'],
    [1234.5, 3, '1235'],
    [-123456, 4, '-123456'],
    [1.5e30, 4, '1.500e+30'],
    [0, 4, '0.000'],
  ])('%d, %d → %s', (value, digits, text) => expect(formatDigits(value, digits)).toBe(text));
});

describe('formatShape(shape)', () => {
  it('shows zero dimensions as zero, and unknown ones as unknown', () => {
    expect(formatShape([0, 'batch', null])).toBe('0×batch×?');
    expect(formatShape([])).toBe('scalar');
    expect(formatShape(null)).toBe('unknown');
  });
});

it('formatDb(null) is no noise at all', () => expect(formatDb(null)).toBe('exact'));
it('formatPercent', () => expect(formatPercent(0.255)).toBe('25.5 %'));
it('plural', () => expect([plural(1, 'layer'), plural(2000, 'layer')]).toEqual(['1 layer', '2,000 layers']));
