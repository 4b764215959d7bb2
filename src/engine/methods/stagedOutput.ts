import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Model } from '../../core/onnx/types';
import { fileError } from '../files/fileErrors';
import { writeModelFile, type WriteFileOptions, type WrittenFiles } from '../files/writeModelFile';
import { trackTemporary, untrackTemporary } from '../temporaryFiles';

/**
 * Writes a model to `output` by way of a folder beside it, so that the finished file can be looked at before it gets
 * its name: `check` is called with the path of the written file. When it throws, or the process ends, nothing is left
 * and what was at `output` is untouched.
 * @returns bytes and final paths of the files, the model first.
 */
export async function writeChecked(
  model: Model,
  output: string,
  check: (path: string) => Promise<void>,
  options: Omit<WriteFileOptions, 'destination'>,
): Promise<WrittenFiles> {
  const destination = resolve(output);
  const folder = join(
    dirname(destination),
    `.${basename(destination)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  trackTemporary(folder);
  try {
    await mkdir(folder).catch((error: unknown) => {
      throw fileError('write', destination, error);
    });
    const written = await writeModelFile(model, join(folder, basename(destination)), {
      ...options,
      destination,
    });
    await check(join(folder, basename(destination)));
    // The data file first: a model whose data is missing must never appear.
    for (const path of written.files.toReversed()) {
      const final = join(dirname(destination), basename(path));
      await rename(path, final).catch((error: unknown) => {
        throw fileError('write', final, error);
      });
    }
    return {
      bytes: written.bytes,
      files: written.files.map((path) => join(dirname(destination), basename(path))),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
    untrackTemporary(folder);
  }
}
