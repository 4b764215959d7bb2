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
    const file = join(folder, 'classes.txt');
    expect(await classNamesOf(dataAt(join(folder, 'test.npz')))).toEqual({ file, names: expected });
    await mkdir(join(folder, 'test'));
    expect(await classNamesOf(dataAt(join(folder, 'test')))).toEqual({ file, names: expected });
    await writeFile(join(folder, 'test', 'labels.txt'), 'one\n');
    expect(await classNamesOf(dataAt(join(folder, 'test')))).toMatchObject({ names: { count: 1 } });
  });

  it('otherwise takes what the data tells', async () => {
    const names = { names: new Map([[7, 'a, b']]) };
    expect(await classNamesOf(dataAt(await temporaryFolder(), names))).toEqual({ names });
    expect(await classNamesOf(dataAt('random'))).toEqual({});
  });

  it('goes without names that cannot be read, and says which', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'labels.txt');
    await writeFile(file, Buffer.from('ant\nbee\nc\u00e9phale\nd', 'latin1'));
    expect(await classNamesOf(dataAt(folder))).toEqual({
      note: `${file}, line 3: is no text in UTF-8. Classes are shown by their numbers.`,
    });
    await writeFile(file, 'ant\nb\0e\n');
    expect((await classNamesOf(dataAt(folder))).note).toMatch(/labels\.txt, line 2/);
    await mkdir(join(folder, 'classes.txt'));
    expect((await classNamesOf(dataAt(folder))).note).toMatch(
      /^Cannot read .*classes\.txt: it is a folder\. Classes/,
    );
  });
});
