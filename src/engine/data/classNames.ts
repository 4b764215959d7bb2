import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readIfThere } from '../files/readIfThere';
import type { ClassNames, DataSet } from './dataSet';

/** One name per line, the first is class 0. */
const FILES = ['classes.txt', 'labels.txt'];

/**
 * What the classes of a data set are called: by `classes.txt` or `labels.txt` in its folder or the one above (of a file: beside
 * it), or by what the data set itself tells.
 */
export async function classNamesOf({ data, classNames }: DataSet): Promise<ClassNames | undefined> {
  const isFolder = await stat(data).then(
    (stats) => stats.isDirectory(),
    () => undefined,
  );
  // Made-up data is nowhere.
  if (isFolder === undefined) return classNames;
  for (const folder of isFolder ? [data, dirname(data)] : [dirname(data)]) {
    for (const file of FILES) {
      const text = await readIfThere(join(folder, file));
      if (text !== undefined) return namesByLine(text);
    }
  }
  return classNames;
}

function namesByLine(text: string): ClassNames {
  const names = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  return { names: new Map(names.entries()), count: names.length };
}
