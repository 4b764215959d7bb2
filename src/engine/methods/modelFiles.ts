import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflate } from 'node:zlib';
import { CancelledError } from '../../core/errors';
import type { ByteSource } from '../../core/ports';

const CHUNK_BYTES = 1024 * 1024;

/** Bytes of the files together. */
export function sizeOf(files: readonly ByteSource[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** Bytes that zlib's deflate leaves of each file, added up: what a download or package of the model takes. Streamed. */
export async function deflatedSizeOf(files: readonly ByteSource[], signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    const count = new Writable({
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        done();
      },
    });
    try {
      await pipeline(Readable.from(chunksOf(file)), createDeflate(), count, { signal });
    } catch (error) {
      throw signal?.aborted ? new CancelledError() : error;
    }
  }
  return bytes;
}

async function* chunksOf(file: ByteSource): AsyncIterable<Uint8Array> {
  for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
    yield await file.read(offset, Math.min(CHUNK_BYTES, file.size - offset));
  }
}
