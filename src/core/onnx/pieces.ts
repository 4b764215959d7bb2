import { throwIfCancelled } from '../errors';
import type { ByteSink, ByteSource, Work } from '../ports';
import { ComputedPayload, type Payload } from './payload';
import { bytesHeader } from './wire';

/** Bytes in flight while a span is copied. */
const COPY_BYTES = 4 * 1024 * 1024;
/** Small pieces are joined before they go to the sink, to spare it many tiny writes. */
const JOIN_BYTES = 256 * 1024;

interface Span {
  readonly source: ByteSource;
  readonly offset: number;
  length: number;
}

type Piece = Uint8Array | Pieces | { readonly span: Span } | { readonly stored: Payload };

/** Output to be written, described rather than held: own bytes, spans to copy from files, and payloads. */
export class Pieces {
  length = 0;
  private readonly items: Piece[] = [];

  bytes(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.items.push(bytes);
    this.length += bytes.byteLength;
  }

  /** A span of a file, joined to the previous one where they touch. */
  copy(source: ByteSource, offset: number, length: number): void {
    if (length === 0) return;
    this.length += length;
    const last = this.items.at(-1);
    if (
      last &&
      'span' in last &&
      last.span.source === source &&
      last.span.offset + last.span.length === offset
    ) {
      last.span.length += length;
      return;
    }
    this.items.push({ span: { source, offset, length } });
  }

  payload(payload: Payload): void {
    if (payload.byteLength === 0) return;
    this.items.push({ stored: payload });
    this.length += payload.byteLength;
  }

  /** A length-delimited record whose content is `content`. */
  record(id: number, content: Pieces): void {
    this.bytes(bytesHeader(id, content.length));
    this.items.push(content);
    this.length += content.length;
  }

  async writeTo(output: JoiningSink): Promise<void> {
    for (const item of this.items) {
      if (item instanceof Uint8Array) await output.write(item);
      else if (item instanceof Pieces) await item.writeTo(output);
      else if ('stored' in item) await writePayload(item.stored, output);
      else await copySpan(item.span, output);
    }
  }
}

async function copySpan({ source, offset, length }: Span, output: JoiningSink): Promise<void> {
  await writePortions((at, count) => source.read(offset + at, count), length, output);
}

/** Streams a payload. What has to be computed is computed once; what lies in a file passes in portions. */
export async function writePayload(payload: Payload, output: JoiningSink): Promise<void> {
  if (payload instanceof ComputedPayload) await output.write(await payload.read());
  else await writePortions((offset, length) => payload.read(offset, length), payload.byteLength, output);
}

async function writePortions(
  read: (offset: number, length: number) => Promise<Uint8Array>,
  total: number,
  output: JoiningSink,
): Promise<void> {
  for (let offset = 0; offset < total; offset += COPY_BYTES) {
    const length = Math.min(COPY_BYTES, total - offset);
    const bytes = await read(offset, length);
    if (bytes.byteLength !== length)
      throw new Error(`payload gave ${bytes.byteLength} bytes instead of ${length}`);
    await output.write(bytes);
  }
}

/** Joins small writes, counts bytes, reports progress and looks for cancellation. */
export class JoiningSink implements ByteSink {
  written = 0;
  private readonly buffer = new Uint8Array(JOIN_BYTES);
  private used = 0;

  constructor(
    private readonly sink: ByteSink,
    private readonly work: Work,
    private readonly progress: { done: number; readonly total: number },
  ) {}

  async write(bytes: Uint8Array): Promise<void> {
    this.written += bytes.byteLength;
    this.progress.done += bytes.byteLength;
    if (this.used + bytes.byteLength > JOIN_BYTES) await this.flush();
    if (bytes.byteLength >= JOIN_BYTES) {
      await this.forward(bytes);
      return;
    }
    this.buffer.set(bytes, this.used);
    this.used += bytes.byteLength;
  }

  /** Padding, less than a mapping unit. */
  async zeros(count: number): Promise<void> {
    if (count > 0) await this.write(new Uint8Array(count));
  }

  async flush(): Promise<void> {
    const bytes = this.buffer.subarray(0, this.used);
    this.used = 0;
    if (bytes.byteLength) await this.forward(bytes);
  }

  private async forward(bytes: Uint8Array): Promise<void> {
    throwIfCancelled(this.work.signal);
    await this.sink.write(bytes);
    this.work.onProgress?.(this.progress.done, this.progress.total, 'Writing the model');
  }
}
