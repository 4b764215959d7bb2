import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflate } from 'node:zlib';
import { CancelledError } from '../../core/errors';
import { locationsOf } from '../files/copyModelFile';
import type { OpenedModel } from '../files/modelFile';

/** The files that a model consists of: itself and its external data. */
export function filesOf({ model, path }: Pick<OpenedModel, 'model' | 'path'>): string[] {
  return [path, ...locationsOf(model).map((location) => join(dirname(path), location))];
}

/** Bytes of the files together. */
export async function sizeOf(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Bytes that zlib's deflate leaves of each file, added up: what a download or package of the model takes. Streamed. */
export async function deflatedSizeOf(files: readonly string[], signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    const count = new Writable({
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        done();
      },
    });
    try {
      await pipeline(createReadStream(file), createDeflate(), count, { signal });
    } catch (error) {
      throw signal?.aborted ? new CancelledError() : error;
    }
  }
  return bytes;
}
