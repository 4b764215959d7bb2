import type { ByteSource } from '../ports';

/** The bytes of a tensor, wherever they are: in the model file, in an external file, in memory, or yet to be computed. */
export interface Payload {
  readonly byteLength: number;
  /** Reads `length` bytes at `offset` within the payload (all of it by default). The result must not be modified. */
  read(offset?: number, length?: number): Promise<Uint8Array>;
}

/** Bytes inside a file, embedded or external. Nothing is read before `read`. */
export class FilePayload implements Payload {
  constructor(
    readonly source: ByteSource,
    readonly offset: number,
    readonly byteLength: number,
  ) {}

  read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    return this.source.read(this.offset + offset, length);
  }

  /** Reads all of it into `target`, which has its length. */
  readInto(target: Uint8Array): Promise<void> {
    return readInto(this.source, this.offset, target);
  }
}

/** Fills `target` from a source that may only know how to `read`. */
export async function readInto(source: ByteSource, offset: number, target: Uint8Array): Promise<void> {
  if (source.readInto) await source.readInto(offset, target);
  else target.set(await source.read(offset, target.byteLength));
}

/** Bytes in memory; small payloads stay with the graph so that constants such as shapes are read synchronously. */
export class MemoryPayload implements Payload {
  constructor(readonly bytes: Uint8Array) {}

  get byteLength(): number {
    return this.bytes.byteLength;
  }

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    return this.bytes.subarray(offset, offset + length);
  }
}

/**
 * Bytes that a rewrite computes when they are needed, of a length known beforehand: quantized weights, scales.
 * The result is kept only while a caller holds it, so that writing a large model needs memory for one tensor.
 */
export class ComputedPayload implements Payload {
  constructor(
    readonly byteLength: number,
    private readonly compute: () => Promise<Uint8Array>,
  ) {}

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    const bytes = await this.compute();
    if (bytes.byteLength !== this.byteLength) {
      throw new Error(`computed payload has ${bytes.byteLength} bytes, promised ${this.byteLength}`);
    }
    return bytes.subarray(offset, offset + length);
  }
}
