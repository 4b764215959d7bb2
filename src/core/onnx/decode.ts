import Long from 'long';
import protobuf from 'protobufjs';
import type { ByteSource, ExternalDataResolver } from '../ports';
import { copyBytes } from './bytes';
import { externalPayload } from './externalPayload';
import type { FieldInfo, MessageInfo } from './messages';
import { messageFrom, type Origin } from './origin';
import type { PayloadParts } from './payloadParts';
import type { StringStringEntry } from './types';

export interface DecodeContext {
  readonly source: ByteSource;
  readonly resolveExternal: ExternalDataResolver | undefined;
}

/**
 * Builds the immutable object of one message.
 * @param scalars its scalar records, joined
 * @param children its sub-messages by slot, where there are any
 * @throws Error naming the field whose content cannot be decoded
 */
export function decodeMessage(
  info: MessageInfo,
  scalars: Uint8Array,
  children: readonly (readonly object[] | undefined)[],
  payload: PayloadParts | undefined,
  origin: Origin,
  context: DecodeContext,
): object {
  const message = messageFrom(info.blank, origin);
  for (const field of info.slots) {
    const found = children[field.slot];
    if (found) message[field.property] = field.repeated ? found : found[0];
  }
  if (scalars.byteLength) {
    const decoded = info.type.decode(readerOf(scalars)) as unknown as Record<string, unknown>;
    for (const field of info.fields) {
      if (field.kind !== 'scalar' || !Object.hasOwn(decoded, field.name)) continue;
      message[field.property] = fromWire(field, decoded[field.name]);
    }
  }
  if (payload) {
    const dataType = message['dataType'] as number;
    const raw = message['dataLocation'] === 1 ? externalOf(message, context) : payload.raw();
    const typed = payload.typed(dataType);
    if (raw) message['rawData'] = raw;
    if (typed) message['typedData'] = typed;
  }
  return message;
}

/**
 * protobufjs joins short strings of pieces, which take several times the memory and are slow to compare; only of Node's buffers
 * it lets the runtime make them.
 */
function readerOf(bytes: Uint8Array): protobuf.Reader {
  const { Buffer } = protobuf.util as object as { Buffer?: BufferFactory | null };
  return protobuf.Reader.create(
    Buffer ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes,
  );
}

interface BufferFactory {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

function externalOf(message: Record<string, unknown>, context: DecodeContext) {
  return externalPayload(
    {
      name: message['name'] as string,
      dims: message['dims'] as number[],
      dataType: message['dataType'] as number,
      externalData: message['externalData'] as StringStringEntry[],
    },
    context.source.name,
    context.resolveExternal,
  );
}

function fromWire(field: FieldInfo, value: unknown): unknown {
  if (field.scalarType === 'int64') {
    const convert = (long: unknown): bigint | number =>
      field.exact ? toBigint(long) : toNumber(field, long);
    return field.repeated ? (value as unknown[]).map(convert) : convert(value);
  }
  if (field.scalarType === 'bytes') {
    // protobufjs gives views; a copy lets go of the read buffer.
    return field.repeated ? (value as Uint8Array[]).map(copyBytes) : copyBytes(value as Uint8Array);
  }
  // Lists that grew by `push` have room for 17 (V8); a copy has none to spare.
  return field.repeated ? (value as unknown[]).slice() : value;
}

function toBigint(value: unknown): bigint {
  return Long.isLong(value) ? value.toBigInt() : BigInt(value as number);
}

function toNumber(field: FieldInfo, value: unknown): number {
  const number = Long.isLong(value) ? value.toNumber() : (value as number);
  if (!Number.isSafeInteger(number)) {
    throw new RangeError(`${field.protoName} is ${String(value)}, past what any tensor can have`);
  }
  return number;
}
