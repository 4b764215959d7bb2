import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { RoundoffError } from '../../core/errors';
import { baseOf, originOf } from '../../core/onnx/origin';
import type { Model } from '../../core/onnx/types';
import { writeModel } from '../../core/onnx/write';
import type { Work } from '../../core/ports';
import { AtomicFile, writeTogether } from './atomicFile';
import { FileSource, identityOf } from './fileSource';
import { externalPaths } from './modelFile';

export interface WriteFileOptions extends Work {
  /** Files that must not be replaced: the opened model, under any of its names. */
  readonly opened?: readonly string[];
  /** See `writeModel`. */
  readonly maxFileBytes?: number;
  /** Where the caller will move the finished files, when that is not `path`: names are checked there. */
  readonly destination?: string;
  /** It is read at once and then removed: writing does not wait for the disk. */
  readonly isPassing?: boolean;
}

export interface WrittenFiles {
  /** Size of all files together. */
  readonly bytes: number;
  /** Paths, the model first. */
  readonly files: readonly string[];
}

/**
 * Writes a model as one file that needs no other; a model of more than 2 GiB gets a new data file beside it. Tensors
 * that were in external files of the opened model are written too: into the model, or into that one data file.
 * Nothing appears under its name before it is complete; the data file comes first, the model last.
 * @throws RoundoffError when `path` is the opened model, or cannot be written
 */
export async function writeModelFile(
  model: Model,
  path: string,
  options: WriteFileOptions = {},
): Promise<WrittenFiles> {
  const target = resolve(path);
  const destination = resolve(options.destination ?? path);
  await refuseOpened(destination, model, options.opened ?? []);
  const dataPath = await newDataPath(destination);
  const data = new AtomicFile(join(dirname(target), basename(dataPath)), dataPath);
  const file = new AtomicFile(target, destination);
  let bytes = 0;
  const fill = async () => {
    // First of all, so that a folder that cannot be written is noticed before the work.
    await file.create();
    const external = { sink: data, location: basename(data.path) };
    const result = await writeModel(model, file, { ...options, external });
    bytes = result.bytes + result.externalBytes;
  };
  await writeTogether([data, file], fill, !options.isPassing);
  return { bytes, files: data.exists ? [target, data.path] : [target] };
}

/** `<name>.data`, or `<name>.2.data` and so on: never a data file that another model may use. */
async function newDataPath(modelPath: string): Promise<string> {
  const stem = join(dirname(modelPath), basename(modelPath, extname(modelPath)));
  for (let number = 1; ; number++) {
    const path = number === 1 ? `${stem}.data` : `${stem}.${number}.data`;
    if (!(await identityAt(path))) return path;
  }
}

/**
 * @throws RoundoffError when `target` is a file of `opened`, the one that `model` was read from, or one that holds its
 * external data, under any name
 */
export async function refuseOpened(target: string, model: Model, opened: readonly string[]): Promise<void> {
  const identity = await identityAt(target);
  if (!identity) return;
  const read = originOf(model) ? model : (baseOf(model) as Model | undefined);
  const source = read && originOf(read)?.source;
  const models = await Promise.all(opened.map(identityAt));
  if (source instanceof FileSource) models.push(source.identity);
  const data =
    read && source instanceof FileSource
      ? await Promise.all(externalPaths({ model: read, path: source.path }).map(identityAt))
      : [];
  if (!models.includes(identity) && !data.includes(identity)) return;
  const what = models.includes(identity) ? 'is the model' : 'holds weights of the model';
  throw new RoundoffError(
    `${target} ${what} that is open, which Roundoff never overwrites: choose another name.`,
  );
}

/** Which file a path leads to, through links; undefined when there is none. */
export async function identityAt(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats && identityOf(stats);
}
