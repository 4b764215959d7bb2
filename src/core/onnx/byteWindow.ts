import { OnnxFileError } from '../errors';
import type { ByteSource } from '../ports';

/** A jump over a payload is followed by little: a tensor's name, the next tensor's header. */
const AFTER_JUMP_BYTES = 16 * 1024;
const LARGEST_BYTES = 1024 * 1024;

/**
 * A part of a source held in memory, moved along by positional reads. It starts small after a jump and grows while
 * reading goes on in order, so that a file of large payloads costs a small read per tensor.
 */
export class ByteWindow {
  bytes: Uint8Array = new Uint8Array(0);
  /** Position of `bytes` in the source. */
  start = 0;
  /** Position after `bytes`. */
  end = 0;
  private next = AFTER_JUMP_BYTES;

  constructor(readonly source: ByteSource) {}

  has(position: number, length: number): boolean {
    return position >= this.start && position + length <= this.end;
  }

  /** Makes `length` bytes at `position` available, and more where that is cheap. */
  async load(position: number, length: number): Promise<void> {
    const inOrder = position >= this.start && position <= this.end;
    this.next = inOrder ? Math.min(this.next * 2, LARGEST_BYTES) : AFTER_JUMP_BYTES;
    const wanted = Math.min(Math.max(length, this.next), this.source.size - position);
    if (wanted < length) {
      throw new OnnxFileError(
        `${this.source.name}: cannot read ${length} bytes at byte ${position}: the file has ${this.source.size}.`,
        {
          file: this.source.name,
          offset: position,
        },
      );
    }
    this.bytes = await this.source.read(position, wanted);
    this.start = position;
    this.end = position + wanted;
  }
}
