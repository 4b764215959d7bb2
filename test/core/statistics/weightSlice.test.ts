import { describe, expect, it } from 'vitest';
import { bytesOf, floatTensor, makeTensor } from '../../../src/core/onnx/build';
import { FilePayload } from '../../../src/core/onnx/payload';
import { DataType, type Tensor } from '../../../src/core/onnx/types';
import { MOST_CELLS, weightSlice } from '../../../src/core/statistics/weightSlice';
import { normalNoise } from '../../support/random';

const dims = [3, 4, 5, 6];
const values = normalNoise(360, 1);
const tensor = makeTensor('w', DataType.FLOAT, dims, bytesOf(values));
const at = (position: readonly number[]): number =>
  values[position.reduce((sum, each, axis) => sum * (dims[axis] ?? 0) + each, 0)] ?? NaN;

describe('weightSlice(tensor, options)', () => {
  it.each([
    [0, 1],
    [1, 0],
    [2, 3],
    [3, 2],
    [0, 3],
    [1, 2],
  ] as const)('gives the elements on axes %i and %i', async (down, across) => {
    const others = [0, 1, 2, 3].filter((axis) => axis !== down && axis !== across);
    const index = [1, 2];
    const slice = await weightSlice(tensor, { axes: [down, across], index });
    const expected = Array.from({ length: dims[down] ?? 0 }, (_, row) =>
      Array.from({ length: dims[across] ?? 0 }, (__, column) => {
        const position = [0, 0, 0, 0];
        position[down] = row;
        position[across] = column;
        for (const [which, axis] of others.entries()) position[axis] = index[which] ?? 0;
        return at(position);
      }),
    );
    expect(slice.cells).toEqual(expected);
    expect(slice).toMatchObject({ rowsPerCell: 1, columnsPerCell: 1, reduce: null, index });
    expect(slice.min).toBe(Math.min(...expected.flat()));
    expect(slice.max).toBe(Math.max(...expected.flat()));
  });

  it('reduces neighbours by mean or greatest magnitude', async () => {
    const matrix = makeTensor('w', DataType.FLOAT, [12, 30], bytesOf(values));
    const block = (row: number, column: number): number[] =>
      [0, 1, 2, 3, 4, 5].flatMap((r) => {
        const start = (row * 6 + r) * 30 + column * 8;
        return [...values.subarray(start, Math.min(start + 8, (row * 6 + r + 1) * 30))];
      });
    const options = { axes: [0, 1], maxRows: 2, maxColumns: 4 } as const;
    const mean = await weightSlice(matrix, options);
    expect(mean).toMatchObject({ rows: 12, columns: 30, rowsPerCell: 6, columnsPerCell: 8, reduce: 'mean' });
    const last = block(1, 3);
    expect(last).toHaveLength(36);
    expect(mean.cells[1]?.[3]).toBeCloseTo(last.reduce((sum, value) => sum + value, 0) / 36, 6);
    const most = await weightSlice(matrix, { ...options, reduce: 'maxAbs' });
    expect(most.cells[1]?.[3]).toBe(Math.max(...last.map(Math.abs)));
  });

  it('keeps the sign of elements that have a cell of their own, however they would be reduced', async () => {
    const small = floatTensor('w', [1, -2, -3, 4], [2, 2]);
    const slice = await weightSlice(small, { axes: [0, 1], reduce: 'maxAbs' });
    expect(slice).toMatchObject({
      reduce: null,
      cells: [
        [1, -2],
        [-3, 4],
      ],
    });
  });

  it('reads only what it needs of a large tensor, and never gives more cells than fit a message', async () => {
    let read = 0;
    const pattern = normalNoise(2 ** 20, 4);
    const total = 2 ** 28;
    const source = {
      name: 'made up',
      size: total * 4,
      read: async (offset: number, length: number) => {
        read += length;
        const first = (offset / 4) % pattern.length;
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length;) {
          const from = done === 0 ? first : 0;
          const part = bytesOf(pattern.subarray(from, from + (length - done) / 4));
          bytes.set(part, done);
          done += part.byteLength;
        }
        return bytes;
      },
    };
    const large: Tensor = makeTensor(
      'w',
      DataType.FLOAT,
      [64, 2 ** 11, 2 ** 11],
      new FilePayload(source, 0, total * 4),
    );
    const slice = await weightSlice(large, { axes: [0, 2], index: [5], maxRows: 5000, maxColumns: 5000 });
    expect(read).toBeLessThan(64 * 2 ** 11 * 4 + 64 * 64);
    expect(slice.cells.length * (slice.cells[0]?.length ?? 0)).toBeLessThanOrEqual(MOST_CELLS);
    // Rows of 4 Mi elements begin at the same place of the pattern.
    expect(slice.min).toBe(Math.min(...pattern.subarray(5 * 2 ** 11, 6 * 2 ** 11)));
    expect(JSON.stringify(slice).length).toBeLessThan(1_000_000);
  });

  it('refuses what the tensor does not have', async () => {
    await expect(weightSlice(tensor, { axes: [0, 4] })).rejects.toThrow('two axes of 0 to 3, not 0 and 4');
    await expect(weightSlice(tensor, { axes: [1, 1] })).rejects.toThrow('two axes');
    await expect(weightSlice(tensor, { axes: [0, 1], index: [5] })).rejects.toThrow('no slice 5');
  });
});
