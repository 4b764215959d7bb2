import { OnnxFileError } from '../errors';
import { joinBytes } from './bytes';
import type { ByteWindow } from './byteWindow';
import { type DecodeContext, decodeMessage } from './decode';
import { INLINE_PAYLOAD_BYTES, type GraphLimits, LIST_ITEM_COST } from './limits';
import { type FieldInfo, type MessageInfo, WIRE_BYTES, WIRE_VARINT, accepts, nodeInfo } from './messages';
import { PayloadParts } from './payloadParts';
import { HEADER_BYTES, type RecordHeader, readHeader } from './wire';

/** Bytes that the scanner needs in its window before it can go on. */
export interface Need {
  readonly offset: number;
  readonly length: number;
}

const noBytes = new Uint8Array(0);

/** A message being read. */
class Frame {
  readonly children: (object[] | undefined)[] = [];
  readonly payload: PayloadParts | undefined;
  private pieces: Uint8Array[] | undefined;
  private runBuffer: Uint8Array | undefined;
  private runStart = 0;
  private runEnd = 0;

  constructor(
    readonly info: MessageInfo,
    readonly parent: Frame | undefined,
    readonly field: FieldInfo | undefined,
    readonly index: number,
    readonly start: number,
    readonly end: number,
  ) {
    this.payload = info.name === 'TensorProto' ? new PayloadParts() : undefined;
  }

  /** Keeps a scalar record for the decoder. Neighbouring records, the usual case, stay one piece. */
  addScalar(buffer: Uint8Array, from: number, to: number): void {
    if (this.runBuffer === buffer && this.runEnd === from) {
      this.runEnd = to;
      return;
    }
    this.endRun();
    this.runBuffer = buffer;
    this.runStart = from;
    this.runEnd = to;
  }

  scalars(): Uint8Array {
    if (!this.pieces) return this.runBuffer ? this.runBuffer.subarray(this.runStart, this.runEnd) : noBytes;
    this.endRun();
    return joinBytes(this.pieces);
  }

  private endRun(): void {
    if (this.runBuffer) (this.pieces ??= []).push(this.runBuffer.subarray(this.runStart, this.runEnd));
    this.runBuffer = undefined;
  }

  addChild(field: FieldInfo, child: object): void {
    const siblings = this.children[field.slot];
    if (siblings) siblings.push(child);
    // Most have one: pushed to an empty list, it would take room for 17 (V8).
    else this.children[field.slot] = [child];
  }

  /** Where this message is, in onnx.proto's words: `graph.node[3].attribute[1].t`. */
  path(): string {
    if (!this.parent || !this.field) return '';
    const before = this.parent.path();
    const step = this.field.repeated ? `${this.field.protoName}[${this.index}]` : this.field.protoName;
    return before ? `${before}.${step}` : step;
  }
}

/**
 * Walks the wire format of a model without recursion. Scalar fields go to the decoder, payloads are noted by
 * position and skipped, unknown fields are skipped (they stay in the file, from where the writer copies them).
 * `advance` works synchronously on the bytes in the window and says what it needs next.
 */
export class Scanner {
  private frame: Frame | undefined;
  private position: number;
  private depth = 1;
  private messages = 0;
  private nodes = 0;
  private graphBytes = 0;
  private listElements = 0;
  private done: object | undefined;

  constructor(
    info: MessageInfo,
    private readonly context: DecodeContext,
    size: number,
    private readonly limits: GraphLimits,
  ) {
    this.frame = new Frame(info, undefined, undefined, 0, 0, size);
    this.position = 0;
  }

  /** The message, once `advance` has returned undefined. */
  get result(): object {
    if (!this.done) throw new Error('scan is not finished');
    return this.done;
  }

  advance(window: ByteWindow): Need | undefined {
    while (this.frame) {
      if (this.position >= this.frame.end) {
        this.close(this.frame);
        continue;
      }
      const need = this.readRecord(this.frame, window);
      if (need) return need;
    }
    return undefined;
  }

  private close(frame: Frame): void {
    const origin = { source: this.context.source, offset: frame.start, length: frame.end - frame.start };
    let message: object;
    try {
      message = decodeMessage(
        frame.info,
        frame.scalars(),
        frame.children,
        frame.payload,
        origin,
        this.context,
      );
    } catch (error) {
      throw this.failure(`is damaged: ${error instanceof Error ? error.message : String(error)}`, frame);
    }
    this.frame = frame.parent;
    this.depth -= 1;
    if (frame.parent && frame.field) frame.parent.addChild(frame.field, message);
    else this.done = message;
  }

  private readRecord(frame: Frame, window: ByteWindow): Need | undefined {
    const headerBytes = Math.min(HEADER_BYTES, frame.end - this.position);
    if (!window.has(this.position, headerBytes)) return { offset: this.position, length: headerBytes };
    const header = readHeader(window.bytes, this.position - window.start, window.start, frame.end);
    if (typeof header === 'string') throw this.failure(header, frame);
    const field = frame.info.byId.get(header.id);
    if (header.end > frame.end) throw this.overrun(frame, header, field);
    if (!field || !accepts(field, header.wireType)) {
      this.position = header.end;
      return undefined;
    }
    switch (field.kind) {
      case 'message':
        this.open(frame, field, header);
        return undefined;
      case 'scalar':
        return this.readScalar(frame, field, header, window);
      case 'raw':
      case 'typed':
        return this.readPayload(frame, field, header, window);
    }
  }

  private open(frame: Frame, field: FieldInfo, header: RecordHeader): void {
    if (!field.message) throw new Error(`${field.protoName} has no message`);
    const siblings = frame.children[field.slot]?.length ?? 0;
    const child = new Frame(field.message, frame, field, siblings, header.contentStart, header.end);
    if (!field.repeated && siblings > 0) {
      throw this.failure('is written twice; Roundoff does not merge the two parts', child);
    }
    this.depth += 1;
    if (this.depth > this.limits.depth) {
      throw this.failure(
        `is nested ${this.depth} messages deep; the limit of protobuf readers is ${this.limits.depth}`,
        child,
      );
    }
    this.messages += 1;
    if (this.messages > this.limits.messages) {
      throw this.failure(
        `is one part too many: a model may have ${this.limits.messages} nodes, attributes and entries`,
        child,
      );
    }
    if (child.info === nodeInfo) this.nodes += 1;
    if (this.nodes > this.limits.nodes) {
      throw this.failure(`is one node too many: a model may have ${this.limits.nodes}`, child);
    }
    this.frame = child;
    this.position = header.contentStart;
  }

  private readScalar(
    frame: Frame,
    field: FieldInfo,
    header: RecordHeader,
    window: ByteWindow,
  ): Need | undefined {
    const length = header.end - this.position;
    if (this.graphBytes + length > this.limits.graphBytes) {
      throw this.failure(
        `makes the graph larger than ${this.limits.graphBytes} bytes without its weights`,
        frame,
        field,
      );
    }
    if (!window.has(this.position, length)) return { offset: this.position, length };
    const from = this.position - window.start;
    const to = header.end - window.start;
    if (field.repeated)
      this.countElements(frame, field, header, window.bytes, header.contentStart - window.start, to);
    this.graphBytes += length;
    frame.addScalar(window.bytes, from, to);
    this.position = header.end;
    return undefined;
  }

  private countElements(
    frame: Frame,
    field: FieldInfo,
    header: RecordHeader,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    let count = 1;
    if (field.wireType === WIRE_BYTES) count = LIST_ITEM_COST;
    else if (header.wireType === WIRE_BYTES && field.wireType === WIRE_VARINT) {
      count = 0;
      for (let at = from; at < to; at++) if ((bytes[at] ?? 0) < 0x80) count++;
    } else if (header.wireType === WIRE_BYTES) count = (to - from) / 4;
    this.listElements += count;
    if (this.listElements > this.limits.listElements) {
      throw this.failure(
        `brings the lists of the graph past ${this.limits.listElements} elements`,
        frame,
        field,
      );
    }
  }

  private readPayload(
    frame: Frame,
    field: FieldInfo,
    header: RecordHeader,
    window: ByteWindow,
  ): Need | undefined {
    const parts = frame.payload;
    if (!parts) throw new Error(`${field.protoName} outside a tensor`);
    const length = header.end - header.contentStart;
    if (header.wireType === WIRE_BYTES && length > INLINE_PAYLOAD_BYTES) {
      parts.addSpan(field, this.context.source, header.contentStart, length);
    } else {
      if (!window.has(header.contentStart, length))
        return { offset: this.position, length: header.end - this.position };
      this.graphBytes += length;
      if (this.graphBytes > this.limits.graphBytes) {
        throw this.failure(
          `makes the graph larger than ${this.limits.graphBytes} bytes without its weights`,
          frame,
          field,
        );
      }
      const from = header.contentStart - window.start;
      parts.addBytes(field, window.bytes.subarray(from, from + length));
    }
    this.position = header.end;
    return undefined;
  }

  private overrun(frame: Frame, header: RecordHeader, field: FieldInfo | undefined): OnnxFileError {
    const what = field ? field.protoName : `field ${header.id}`;
    const declared = header.end - header.contentStart;
    const left = frame.end - header.contentStart;
    if (!frame.parent) {
      return this.failure(
        `is truncated: ${what} declares ${declared} bytes, but the file ends after ${left} of them. Download or export it again`,
        frame,
      );
    }
    return this.failure(
      `is damaged: ${what} declares ${declared} bytes, but only ${left} are left in its message`,
      frame,
    );
  }

  private failure(problem: string, frame: Frame, field?: FieldInfo): OnnxFileError {
    const path = [frame.path(), field?.protoName].filter(Boolean).join('.');
    const { name } = this.context.source;
    return new OnnxFileError(`${name}: ${path || 'the file'} (at byte ${this.position}) ${problem}.`, {
      file: name,
      offset: this.position,
      fieldPath: path,
    });
  }
}
