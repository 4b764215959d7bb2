import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RoundoffError, throwIfCancelled } from '../../core/errors';
import type { Work } from '../../core/ports';
import { AtomicFile, writeTogether } from './atomicFile';
import { ExternalFiles } from './externalFiles';
import { fileError } from './fileErrors';
import { type FileSource, openFileSource } from './fileSource';
import { locationsOf, openModelFile } from './modelFile';
import { type WrittenFiles, identityAt } from './writeModelFile';

const COPY_BYTES = 4 * 1024 * 1024;

/**
 * Copies a model file byte for byte together with its external data, whose names relative to the model stay the same.
 * In the same folder the copy shares the data files.
 * @throws RoundoffError when `to` is `from` or its data, or a data file of another model would be replaced
 */
export async function copyModelFile(from: string, to: string, work: Work = {}): Promise<WrittenFiles> {
  const source = resolve(from);
  const target = resolve(to);
  const targetIdentity = await identityAt(target);
  if (targetIdentity && targetIdentity === (await identityAt(source))) {
    throw new RoundoffError(`${target} is the model itself: choose another name.`);
  }
  const locations = await externalLocations(source, work);
  const external = new ExternalFiles(source);
  const opened: FileSource[] = [];
  try {
    const pairs: { from: FileSource; file: AtomicFile }[] = [];
    for (const location of locations) {
      const data = await external.resolve(location);
      const path = join(dirname(target), location);
      if (path === target || data.identity === targetIdentity) {
        throw new RoundoffError(
          `${target} is the name of a file with weights of ${source}: choose another name.`,
        );
      }
      const existing = await identityAt(path);
      if (existing === data.identity) continue;
      if (existing) {
        throw new RoundoffError(
          `${path} exists already and may belong to another model: choose another folder, or remove it.`,
        );
      }
      pairs.push({ from: data, file: new AtomicFile(path) });
    }
    const model = await openFileSource(source);
    opened.push(model);
    pairs.push({ from: model, file: new AtomicFile(target) });
    await copyAll(pairs, work);
    const files = pairs.map(({ file }) => file.path).reverse();
    return { bytes: pairs.reduce((sum, pair) => sum + pair.from.size, 0), files };
  } finally {
    await external.close();
    for (const file of opened) await file.close();
  }
}

async function copyAll(
  pairs: readonly { readonly from: FileSource; readonly file: AtomicFile }[],
  { signal, onProgress }: Work,
): Promise<void> {
  const total = pairs.reduce((sum, { from }) => sum + from.size, 0);
  let done = 0;
  await writeTogether(
    pairs.map(({ file }) => file),
    async () => {
      for (const { from, file } of pairs) {
        await mkdir(dirname(file.path), { recursive: true }).catch((error: unknown) => {
          throw fileError('write', file.path, error);
        });
        await file.create();
        for (let offset = 0; offset < from.size; offset += COPY_BYTES) {
          throwIfCancelled(signal);
          const bytes = await from.read(offset, Math.min(COPY_BYTES, from.size - offset));
          await file.write(bytes);
          done += bytes.byteLength;
          onProgress?.(done, total, 'Copying the model');
        }
      }
    },
  );
}

async function externalLocations(path: string, { signal }: Work): Promise<string[]> {
  const opened = await openModelFile(path, { signal });
  try {
    return locationsOf(opened.model);
  } finally {
    await opened.close();
  }
}
