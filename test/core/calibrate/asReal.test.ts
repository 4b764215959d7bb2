import { expect, it } from 'vitest';
import { asReal, beyondRange } from '../../../src/core/calibrate/asReal';
import type { RuntimeTensor } from '../../../src/core/ports';

const doubles = (...values: number[]): RuntimeTensor => ({
  type: 'float64',
  dims: [values.length],
  data: Float64Array.from(values),
});

it('rounds float64 to float16 once, not by way of float32', () => {
  const tie = 1 + 2 ** -11;
  const values = doubles(tie, tie + 2 ** -40, tie + 2 ** -10 - 2 ** -40, -tie - 2 ** -40, 65_520 - 2 ** -30);
  expect(asReal(values, 'float16')?.data).toEqual(Uint16Array.of(0x3c00, 0x3c01, 0x3c01, 0xbc01, 0x7bff));
});

it('tells finite numbers that became infinite, and only those', () => {
  const telling = (type: 'float16' | 'float32', ...values: number[]) => {
    const tensor = doubles(...values);
    return beyondRange(tensor, asReal(tensor, type) ?? tensor);
  };
  expect(telling('float16', NaN, Infinity, -65_504)).toBeUndefined();
  expect(telling('float16', 1, -65_520)).toMatch(/^-65520\.0 is beyond the range of float16/);
  expect(telling('float32', 1e38, 1e39)).toMatch(/^1\.00000e\+39 is beyond the range of float32/);
  expect(asReal({ type: 'int64', dims: [1], data: BigInt64Array.of(1n) }, 'float32')).toBeUndefined();
});
