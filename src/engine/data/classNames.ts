import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError } from '../files/fileErrors';
import type { ClassNames, DataSet } from './dataSet';

/** One name per line, the first is class 0. */
const FILES = ['classes.txt', 'labels.txt'];

/** Names need not be known to compare: what cannot be read leaves them out. */
export interface FoundNames {
  readonly names?: ClassNames;
  /** That they are from. */
  readonly file?: string;
  /** Why there are none, in one sentence. */
  readonly note?: string;
}

/**
 * What the classes of a data set are called: by `classes.txt` or `labels.txt` in its folder or the one above (of a file: beside
 * it), or by what the data set itself tells.
 */
export async function classNamesOf({ data, classNames }: DataSet): Promise<FoundNames> {
  const isFolder = await stat(data).then(
    (stats) => stats.isDirectory(),
    () => undefined,
  );
  // Made-up data is nowhere.
  if (isFolder === undefined) return { names: classNames };
  for (const folder of isFolder ? [data, dirname(data)] : [dirname(data)]) {
    for (const file of FILES) {
      const found = await readNames(join(folder, file));
      if (found) return found;
    }
  }
  return { names: classNames };
}

/** Undefined when there is no such file. */
async function readNames(path: string): Promise<FoundNames | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const failure = fileError('read', path, error);
    if (!(failure instanceof Error)) throw failure;
    return { note: `${failure.message} Classes are shown by their numbers.` };
  }
  const lines: string[] = [];
  for (let start = 0; start <= bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, start);
    const line = textOf(bytes.subarray(start, end < 0 ? bytes.length : end));
    if (line === undefined) {
      return {
        note: `${path}, line ${lines.length + 1}: is no text in UTF-8. Classes are shown by their numbers.`,
      };
    }
    lines.push(line.trim());
    start = end < 0 ? bytes.length + 1 : end + 1;
  }
  while (lines.at(-1) === '') lines.pop();
  return { file: path, names: { names: new Map(lines.entries()), count: lines.length } };
}

const LINE_FEED = 10;

/** Undefined for bytes that are no UTF-8, or control characters. */
function textOf(line: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(line);
    // eslint-disable-next-line no-control-regex
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
