/** The protobuf wire format: record headers in, tags and lengths out. */
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from './messages';

/** The most that a header can take: a tag of 5 bytes and a varint of 10. */
export const HEADER_BYTES = 15;

export interface RecordHeader {
  readonly id: number;
  readonly wireType: number;
  /** Source position of the content: after the length, or after the tag. */
  readonly contentStart: number;
  /** Source position after the record. It may pass the end of the message in a damaged file. */
  readonly end: number;
}

const overlong = 'is damaged: a varint is longer than 10 bytes';
const cutOff = 'is damaged or truncated: the bytes end inside a field header';

/**
 * Reads the header of one record.
 * @param at index in `bytes`
 * @param base source position of `bytes[0]`
 * @param limit source position after the enclosing message
 * @returns the header, or what is wrong with it as the end of a sentence
 */
export function readHeader(
  bytes: Uint8Array,
  at: number,
  base: number,
  limit: number,
): RecordHeader | string {
  const stop = Math.min(bytes.byteLength, limit - base);
  let tag = 0;
  let scale = 1;
  for (let count = 0; ; count++) {
    if (count === 5) return 'is damaged: a field tag is longer than 5 bytes';
    if (at >= stop) return cutOff;
    const byte = bytes[at++] ?? 0;
    tag += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) break;
  }
  const id = Math.floor(tag / 8);
  const wireType = tag % 8;
  if (id === 0 || id >= 2 ** 29) return `is damaged: ${id} is not a field number`;
  const contentStart = base + at;
  switch (wireType) {
    case WIRE_FIXED32:
      return { id, wireType, contentStart, end: contentStart + 4 };
    case WIRE_FIXED64:
      return { id, wireType, contentStart, end: contentStart + 8 };
    case WIRE_VARINT:
    case WIRE_BYTES: {
      let value = 0;
      scale = 1;
      for (let count = 0; ; count++) {
        if (count === 10) return overlong;
        if (at >= stop) return cutOff;
        const byte = bytes[at++] ?? 0;
        value += (byte & 0x7f) * scale;
        scale *= 128;
        if (byte < 0x80) break;
      }
      if (wireType === WIRE_VARINT) return { id, wireType, contentStart, end: base + at };
      return { id, wireType, contentStart: base + at, end: base + at + value };
    }
    case 3:
    case 4:
      return `is damaged: field ${id} is a protobuf group, which ONNX never uses`;
    default:
      return `is damaged: field ${id} has wire type ${wireType}, which does not exist`;
  }
}

/** A non-negative integer below 2^53 as a varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Tag and length of a length-delimited record. */
export function bytesHeader(id: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(id * 8 + WIRE_BYTES), ...varint(length)]);
}
