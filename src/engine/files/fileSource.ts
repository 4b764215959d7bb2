import { type BigIntStats, constants, fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { OnnxFileError } from '../../core/errors';
import type { ByteSource } from '../../core/ports';
import { fileError } from './fileErrors';

/** Node refuses larger single reads. */
const LARGEST_READ_BYTES = 1024 * 1024 * 1024;

/**
 * Reads up to this size are done at once: the way to Node's thread pool and back takes longer than the read itself,
 * and opening a model makes one small read per tensor.
 */
const SMALL_READ_BYTES = 64 * 1024;

/**
 * Positional reads of a file. The handle stays on the file that was opened, so a file that is replaced by rename goes
 * on being read; one that is changed in place is noticed at the next read.
 */
export class FileSource implements ByteSource {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    private readonly opened: BigIntStats,
  ) {}

  /** @throws RoundoffError when the file cannot be opened or is not a regular file */
  static async open(path: string): Promise<FileSource> {
    try {
      // Without O_NONBLOCK (which Windows does not have) opening a named pipe would wait for its writer.
      const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const stats = fstatSync(handle.fd, { bigint: true });
      if (stats.isFile()) return new FileSource(path, handle, stats);
      await handle.close();
    } catch (error) {
      throw fileError('read', path, error);
    }
    throw new OnnxFileError(`Cannot read ${path}: it is not a file.`, { file: path });
  }

  get name(): string {
    return this.path;
  }

  get size(): number {
    return Number(this.opened.size);
  }

  /** The same for all names (hard links, symbolic links) of one file. */
  get identity(): string {
    return identityOf(this.opened);
  }

  /** Differs when another file has the name, or the file was written to. */
  get version(): string {
    return `${this.identity}:${this.opened.size}:${this.opened.mtimeNs}`;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.checkSpan(offset, length);
    const bytes = new Uint8Array(length);
    await this.readInto(offset, bytes);
    return bytes;
  }

  /** Before memory is taken for it. */
  private checkSpan(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new OnnxFileError(
        `${this.path}: cannot read ${length} bytes at byte ${offset}: the file has ${this.size}.`,
        { file: this.path, offset },
      );
    }
  }

  async readInto(offset: number, bytes: Uint8Array): Promise<void> {
    const length = bytes.byteLength;
    this.checkSpan(offset, length);
    try {
      for (let done = 0; done < length;) {
        const part = Math.min(length - done, LARGEST_READ_BYTES);
        const bytesRead =
          length <= SMALL_READ_BYTES
            ? readSync(this.handle.fd, bytes, done, part, offset + done)
            : (await this.handle.read(bytes, done, part, offset + done)).bytesRead;
        if (bytesRead === 0) throw this.changed(offset + done);
        done += bytesRead;
      }
    } catch (error) {
      throw fileError('read', this.path, error);
    }
    // After reading, so that what is returned is what was there when the file was opened.
    const now = fstatSync(this.handle.fd, { bigint: true });
    if (now.size !== this.opened.size || now.mtimeNs !== this.opened.mtimeNs) throw this.changed(offset);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private changed(offset: number): OnnxFileError {
    return new OnnxFileError(`${this.path} changed while it was open: open it again.`, {
      file: this.path,
      offset,
    });
  }
}

/** Device and inode as text. */
export function identityOf(stats: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stats.dev}:${stats.ino}`;
}

/** Opens a file for positional reading. Close it when the model is no longer used. */
export function openFileSource(path: string): Promise<FileSource> {
  return FileSource.open(path);
}
