import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classNamesOf } from '../../../src/engine/data/classNames';
import type { DataSet } from '../../../src/engine/data/dataSet';
import { temporaryFolders } from '../../support/folder';

const temporaryFolder = temporaryFolders();

const dataAt = (data: string, classNames?: DataSet['classNames']): DataSet => ({
  data,
  kind: 'npz',
  length: 1,
  labels: null,
  classNames,
  sample: async (index) => ({ index, feeds: {} }),
});

describe('classNamesOf(dataSet)', () => {
  it('reads names beside a file, and in or above a folder', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'test.npz'), '');
    await writeFile(join(folder, 'classes.txt'), '\uFEFFant\r\n sea horse \r\n\r\nzebra\r\n\r\n');
    const expected = {
      names: new Map([
        [0, 'ant'],
        [1, 'sea horse'],
        [2, ''],
        [3, 'zebra'],
      ]),
      count: 4,
    };
    expect(await classNamesOf(dataAt(join(folder, 'test.npz')))).toEqual(expected);
    await mkdir(join(folder, 'test'));
    expect(await classNamesOf(dataAt(join(folder, 'test')))).toEqual(expected);
    await writeFile(join(folder, 'test', 'labels.txt'), 'one\n');
    expect(await classNamesOf(dataAt(join(folder, 'test')))).toMatchObject({ count: 1 });
  });

  it('otherwise takes what the data tells', async () => {
    const names = { names: new Map([[7, 'a, b']]) };
    expect(await classNamesOf(dataAt(await temporaryFolder(), names))).toBe(names);
    expect(await classNamesOf(dataAt('random'))).toBeUndefined();
  });
});
