import { OnnxFileError } from '../../core/errors';
import type { ByteSource } from '../../core/ports';
import type { FileSource } from './fileSource';

/**
 * A file that need not stay open, so that others can replace it: after `release`, each read opens it again. What is read is
 * of one version: once the file has changed, reads fail.
 */
export class ReleasedFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly version: string;
  private held: FileSource | undefined;

  private constructor(
    first: FileSource,
    private readonly open: () => Promise<FileSource>,
  ) {
    this.name = first.name;
    this.size = first.size;
    this.version = first.version;
    this.held = first;
  }

  /** Opens the file; it stays open until it is released. @throws what `open` throws */
  static async held(open: () => Promise<FileSource>): Promise<ReleasedFile> {
    return new ReleasedFile(await open(), open);
  }

  /** @throws OnnxFileError when the file has changed, and as FileSource.read */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.held) return this.held.read(offset, length);
    const source = await this.open();
    try {
      if (source.version === this.version) return await source.read(offset, length);
    } finally {
      await source.close();
    }
    throw new OnnxFileError(`${this.name} changed while it was looked at: look again.`, { file: this.name });
  }

  /** Closes the file. */
  async release(): Promise<void> {
    const { held } = this;
    this.held = undefined;
    await held?.close();
  }
}
