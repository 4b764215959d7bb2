import type { ByteSource } from '../ports';
import { copyBytes, joinBytes } from './bytes';
import type { FieldInfo } from './messages';
import { FilePayload, MemoryPayload, type Payload } from './payload';
import { DataType, type TypedField, type TypedPayload } from './types';

/** Several payloads read as one: a typed field that was written in parts. */
export class JoinedPayload implements Payload {
  readonly byteLength: number;

  constructor(private readonly parts: readonly Payload[]) {
    this.byteLength = parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    let partStart = 0;
    for (const part of this.parts) {
      const from = Math.max(offset, partStart);
      const to = Math.min(offset + length, partStart + part.byteLength);
      if (from < to) result.set(await part.read(from - partStart, to - from), from - offset);
      partStart += part.byteLength;
    }
    return result;
  }
}

/** The field that onnx.proto prescribes for the elements of a type that are not in raw_data. */
export function typedFieldOf(dataType: number): TypedField {
  switch (dataType as DataType) {
    case DataType.FLOAT:
    case DataType.COMPLEX64:
      return 'floatData';
    case DataType.DOUBLE:
    case DataType.COMPLEX128:
      return 'doubleData';
    case DataType.INT64:
      return 'int64Data';
    case DataType.UINT32:
    case DataType.UINT64:
      return 'uint64Data';
    default:
      return 'int32Data';
  }
}

/** Collects the payload records of one tensor in file order. */
export class PayloadParts {
  private rawPayload: Payload | undefined;
  private readonly typedParts = new Map<string, (Payload | Uint8Array[])[]>();

  /** Notes a payload that stays in the file. */
  addSpan(field: FieldInfo, source: ByteSource, offset: number, length: number): void {
    this.add(field, new FilePayload(source, offset, length));
  }

  /** Copies a small payload, or one element of an unpacked list. */
  addBytes(field: FieldInfo, bytes: Uint8Array): void {
    if (field.kind === 'raw') {
      this.add(field, new MemoryPayload(copyBytes(bytes)));
      return;
    }
    const parts = this.typedParts.get(field.name) ?? [];
    this.typedParts.set(field.name, parts);
    const last = parts.at(-1);
    if (Array.isArray(last)) last.push(copyBytes(bytes));
    else parts.push([copyBytes(bytes)]);
  }

  /** raw_data; as in protobuf, the last record wins. */
  raw(): Payload | undefined {
    return this.rawPayload;
  }

  /** The elements in the field that fits the type, or else in the one field that the file has. */
  typed(dataType: number): TypedPayload | undefined {
    const fitting = typedFieldOf(dataType);
    const field = this.typedParts.has(fitting) ? fitting : [...this.typedParts.keys()][0];
    const parts = field === undefined ? undefined : this.typedParts.get(field);
    if (!parts) return undefined;
    const payloads = parts.map((part) => (Array.isArray(part) ? new MemoryPayload(joinBytes(part)) : part));
    const [only] = payloads;
    const payload = only && payloads.length === 1 ? only : new JoinedPayload(payloads);
    return { field: field as TypedField, payload };
  }

  private add(field: FieldInfo, payload: Payload): void {
    if (field.kind === 'raw') this.rawPayload = payload;
    else this.typedParts.set(field.name, [...(this.typedParts.get(field.name) ?? []), payload]);
  }
}
