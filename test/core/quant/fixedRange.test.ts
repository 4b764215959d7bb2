import { describe, expect, it } from 'vitest';
import {
  fixedRangeOf,
  integerFormatOf,
  withFixedRange,
  withoutFixedRange,
} from '../../../src/core/quant/fixedRange';
import { formatText, parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';

function format(text: string): LayerFormat {
  const parsed = parseFormat(text);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  return parsed;
}

describe('integerFormatOf(format, bits)', () => {
  it.each([
    ['w8a8,tensor', 8, 'w8a8,tensor'],
    ['w8a16', 8, 'w8a16'],
    ['w4,block:32', 8, 'w8'],
    ['float', 8, 'w8'],
    ['lut16', 4, 'w4'],
    ['w4,block:32', 4, 'w4,block:32'],
  ])('of %s at %d bits is %s', (from, bits, expected) => {
    const found = integerFormatOf(format(from), bits);
    expect(found && formatText(found)).toBe(expected);
  });

  it('is none where no type has the width', () => {
    for (const bits of [2, 3, 5, 6, 7, 16]) expect(integerFormatOf(format('w8'), bits)).toBeUndefined();
  });
});

describe('a fixed range', () => {
  it.each([0.31, 0.523437595, 1e-7 / 3, 123456.789])('of ±%d is read back', (threshold) => {
    const text = formatText(withFixedRange(format('w8a8,tensor,mse'), threshold));
    expect(Math.abs((fixedRangeOf(format(text)) ?? NaN) / threshold - 1)).toBeLessThan(1e-5);
  });

  it('is taken away again, and other rules are not', () => {
    expect(formatText(withoutFixedRange(format('w8,tensor,fixed:0.5')))).toBe('w8,tensor');
    expect(formatText(withoutFixedRange(format('w8,mse')))).toBe('w8,mse');
    expect(fixedRangeOf(format('w8,percentile:99.9'))).toBeUndefined();
  });
});
