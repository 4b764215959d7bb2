import { OnnxFileError } from '../errors';
import type { ByteSink, ByteSource } from '../ports';
import { copyBytes, joinBytes } from './bytes';

/** Bytes that are already in memory, read like a file. */
export class MemorySource implements ByteSource {
  constructor(
    private readonly bytes: Uint8Array,
    readonly name = 'memory',
  ) {}

  get size(): number {
    return this.bytes.byteLength;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw new OnnxFileError(
        `${this.name}: cannot read ${length} bytes at byte ${offset}: there are ${this.size}.`,
        { file: this.name, offset },
      );
    }
    return this.bytes.subarray(offset, offset + length);
  }
}

/** Collects what is written. */
export class MemorySink implements ByteSink {
  private readonly chunks: Uint8Array<ArrayBuffer>[] = [];
  private readonly first: Uint8Array<ArrayBuffer>;
  private filled = 0;

  /** @param expected bytes that will be written, as far as is known: they are copied only once. */
  constructor(expected = 0) {
    this.first = new Uint8Array(expected);
  }

  async write(bytes: Uint8Array): Promise<void> {
    // The writer may reuse its buffer after this settles.
    if (this.chunks.length > 0 || this.filled + bytes.byteLength > this.first.byteLength) {
      this.chunks.push(copyBytes(bytes));
    } else {
      this.first.set(bytes, this.filled);
      this.filled += bytes.byteLength;
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const start = this.first.subarray(0, this.filled);
    return this.chunks.length === 0 ? start : joinBytes([start, ...this.chunks]);
  }
}
