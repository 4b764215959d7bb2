import { expect, it } from 'vitest';
import { axisLayout } from '../../../src/core/quant/affine';
import {
  integerCodes,
  integerParams,
  integerValues,
  roundedValues,
} from '../../../src/core/quant/integerWeight';
import { blockLayout, tensorLayout } from '../../../src/core/quant/layouts';
import { normalNoise } from '../../support/random';

const values = normalNoise(120, 8);

it.each([
  ['per tensor', tensorLayout([120])],
  ['along the first axis', axisLayout([6, 10, 2], 0)],
  ['along the last axis', axisLayout([12, 10], 1)],
  ['in blocks of rows', blockLayout([12, 10], 0, 5)],
])('rounded values are those of the codes, %s', (_, layout) => {
  for (const symmetric of [true, false]) {
    const params = integerParams(values, layout, 'int4', { symmetric, rule: 'percentile:90' });
    const codes = integerCodes(values, layout, params, 'int4');
    expect(roundedValues(values, layout, params, 'int4')).toEqual(integerValues(codes, layout, params));
    const stored = { ...params, scales: params.scales.map((scale, i) => scale * (1 + i / 100)) };
    const rescaled = roundedValues(values, layout, params, 'int4', stored);
    expect(rescaled).toEqual(integerValues(codes, layout, stored));
  }
});

it('refuses NaN', () => {
  const params = { scales: Float32Array.of(1), zeroPoints: Int32Array.of(0) };
  expect(() => roundedValues(Float32Array.of(1, NaN), tensorLayout([2]), params, 'int8')).toThrow(/NaN/);
});
