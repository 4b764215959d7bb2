import { describe, expect, it } from 'vitest';
import { parseNpyHeader, typedArray } from '../../../src/engine/data/npy';
import { npyBytes } from '../support/npyBytes';

const data = Float32Array.of(1, 2, 3, 4, 5, 6);

/** The whole array. */
function parseNpy(bytes: Uint8Array, name: string) {
  const { type, dims, dataOffset, elementBytes } = parseNpyHeader(bytes, name);
  const end = dims.reduce((product, size) => product * size, elementBytes);
  return { type, dims, data: typedArray(type, bytes.subarray(dataOffset, dataOffset + end)) };
}

describe('parseNpyHeader(bytes, name)', () => {
  it('reads shape, type and elements', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [2, 3], data });
    expect(parseNpy(bytes, 'x')).toEqual({ type: 'float32', dims: [2, 3], data });
  });

  it('reads a header of version 2', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [6], data, version: 2 });
    expect(parseNpy(bytes, 'x').dims).toEqual([6]);
  });

  it.each([
    ['<f8', 'float64', Float64Array.of(0.5, -1)],
    ['<f2', 'float16', Uint16Array.of(0x3c00, 0xc000)],
    ['|i1', 'int8', Int8Array.of(-128, 127)],
    ['|u1', 'uint8', Uint8Array.of(0, 255)],
    ['|b1', 'bool', Uint8Array.of(0, 1)],
    ['<i4', 'int32', Int32Array.of(-1, 2)],
    ['<i8', 'int64', BigInt64Array.of(-1n, 2n ** 62n)],
  ])('reads %s as %s', (descr, type, elements) => {
    expect(parseNpy(npyBytes({ descr, shape: [2], data: elements }), 'x')).toEqual({
      type,
      dims: [2],
      data: elements,
    });
  });

  it('reads a scalar, and elements at an unaligned offset', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [], data: Float32Array.of(7) });
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(parseNpy(shifted.subarray(1), 'x')).toEqual({
      type: 'float32',
      dims: [],
      data: Float32Array.of(7),
    });
  });

  it('takes Fortran order only where it is the same bytes', () => {
    const one = npyBytes({ descr: '<f4', shape: [6, 1], data, fortran: true });
    expect(parseNpy(one, 'x').dims).toEqual([6, 1]);
    const two = npyBytes({ descr: '<f4', shape: [2, 3], data, fortran: true });
    expect(() => parseNpy(two, 'x in a.npz')).toThrow('x in a.npz is stored in Fortran order');
  });

  it.each([
    ['>f4', /big-endian/],
    ['<c8', /type '<c8'/],
    ['|O', /type '\|O'/],
  ])('refuses %s', (descr, message) => {
    expect(() => parseNpy(npyBytes({ descr, shape: [6], data }), 'x')).toThrow(message);
  });

  it('says that a file is empty, or something else', () => {
    expect(() => parseNpy(new Uint8Array(0), 'x')).toThrow(
      'x is not a .npy array: it is empty. Save it with numpy.save.',
    );
    expect(() => parseNpy(new Uint8Array(99), 'x')).toThrow(
      /it does not start with .x93NUMPY\. Save it with/,
    );
  });

  it('refuses what is cut short, saying how much is missing', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [2, 3], data });
    expect(() => parseNpy(bytes.subarray(0, bytes.length - 1), 'x')).toThrow(
      '[2, 3] needs 24 bytes, there are 23',
    );
    expect(() => parseNpyHeader(bytes.subarray(0, 20), 'x')).toThrow(/broken/);
    expect(() => parseNpyHeader(bytes.subarray(0, 3), 'x')).toThrow(/not a \.npy array/);
  });

  it('believes the size of a file of which it sees the beginning', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [2, 3], data });
    const head = bytes.subarray(0, bytes.length - 24);
    expect(parseNpyHeader(head, 'x', bytes.length)).toMatchObject({ dims: [2, 3], dataOffset: head.length });
    expect(() => parseNpyHeader(head, 'x', bytes.length - 1)).toThrow(/cut short/);
  });

  it('refuses a shape larger than the file, whatever its size', () => {
    const bytes = npyBytes({ descr: '<f4', shape: [1e9, 1e9], data });
    expect(() => parseNpy(bytes, 'x')).toThrow(/cut short/);
  });
});
