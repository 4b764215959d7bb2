import { describe, expect, it } from 'vitest';
import { floatTensor, makeTensor } from '../../../../src/core/onnx/build';
import { DataType } from '../../../../src/core/onnx/types';
import { countClamps, halfBits, halfWeight } from '../../../../src/core/rewrite/convert/halfWeight';
import { uniform } from '../../../support/random';

/** float16 by its definition: the nearest multiple of the step at that size, ties to even. */
function nearestHalf(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const step = 2 ** (exponent - 10);
  const units = value / step;
  const low = Math.floor(units);
  const rest = units - low;
  return step * (rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low);
}

describe('halfWeight', () => {
  it('rounds to the nearest float16, ties to even', async () => {
    const random = uniform(3);
    const values = Float32Array.from({ length: 4000 }, () => (random() - 0.5) * 10 ** (random() * 9 - 5));
    values.set([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2048.5 * 2, -65504, 65519]);
    const half = halfWeight(floatTensor('w', values, [40, 100]));
    expect(half.bytes).toBe(8000);
    expect((await half.payload.read()).byteLength).toBe(8000);
    const rounded = await half.values();
    values.forEach((value, i) => expect(rounded[i]).toBe(Math.min(nearestHalf(value), 65504)));
  });

  it('leaves numbers finite and not zero', async () => {
    const values = [1e6, -1e6, 65520, 1e-9, -1e-9, 0, -0, Infinity, -Infinity, NaN, 2 ** -24];
    const tensor = floatTensor('w', values);
    const tiny = 2 ** -24;
    expect([...(await halfWeight(tensor).values())]).toEqual([
      65504,
      -65504,
      65504,
      tiny,
      -tiny,
      0,
      -0,
      Infinity,
      -Infinity,
      NaN,
      tiny,
    ]);
    expect(await countClamps(tensor)).toEqual({ large: 3, small: 2 });
  });

  it('keeps what is float16 already', async () => {
    const bits = Uint16Array.of(0x0001, 0x3c00, 0x7bff, 0xfc00, 0x8000);
    const tensor = makeTensor('w', DataType.FLOAT16, [5], new Uint8Array(bits.buffer));
    const bytes = new Uint8Array(await halfWeight(tensor).payload.read());
    expect([...new Uint16Array(bytes.buffer)]).toEqual([...bits]);
    expect(halfBits(-0)).toBe(0x8000);
  });
});
