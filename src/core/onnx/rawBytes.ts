import { OnnxFileError } from '../errors';
import { copyBytes } from './bytes';
import { dataTypeFacts, dtypeName, rawByteLength } from './dtype';
import { MAX_DECODED_ELEMENTS } from './limits';
import { MemoryPayload } from './payload';
import type { Tensor, TypedField } from './types';

/**
 * Number of elements: the product of the dimensions, 1 for a scalar.
 * @throws OnnxFileError when a dimension is negative or the product passes 2^53
 */
export function elementCount(tensor: Pick<Tensor, 'name' | 'dims'>): number {
  let count = 1;
  for (const dim of tensor.dims) {
    if (dim < 0) throw tensorError(tensor, `has a negative dimension: [${tensor.dims.join(', ')}]`);
    count *= dim;
  }
  if (!Number.isSafeInteger(count)) {
    throw tensorError(tensor, `has more elements than can be counted: [${tensor.dims.join(', ')}]`);
  }
  return count;
}

/**
 * The elements as raw_data holds them (little-endian, sub-byte types packed low bits first), however they are stored.
 * The length is exactly what the shape and type ask for. Must not be modified.
 * @throws OnnxFileError when the stored bytes do not fit the shape, and for strings
 */
export async function rawBytes(tensor: Tensor): Promise<Uint8Array> {
  checkStored(tensor);
  if (tensor.rawData) return tensor.rawData.read();
  if (!tensor.typedData) return new Uint8Array(0);
  return unpack(tensor, tensor.typedData.field, await tensor.typedData.payload.read());
}

/** Like `rawBytes`, when the payload is in memory already; undefined when it is not. */
export function inlineRawBytes(tensor: Tensor): Uint8Array | undefined {
  const payload = tensor.rawData ?? tensor.typedData?.payload;
  if (payload && !(payload instanceof MemoryPayload)) return undefined;
  checkStored(tensor);
  if (!payload) return new Uint8Array(0);
  return tensor.rawData || !tensor.typedData
    ? payload.bytes
    : unpack(tensor, tensor.typedData.field, payload.bytes);
}

/**
 * Checks the shape against the bytes that exist, before anything is read or allocated.
 * @throws OnnxFileError when they do not fit
 */
export function checkStored(tensor: Tensor): void {
  const count = elementCount(tensor);
  const bytes = rawByteLength(tensor.dataType, count);
  if (bytes === undefined) {
    const known = dataTypeFacts(tensor.dataType);
    throw tensorError(
      tensor,
      known ? 'holds strings, not numbers' : `has the unknown ${dtypeName(tensor.dataType)}`,
    );
  }
  if (count > MAX_DECODED_ELEMENTS) {
    throw tensorError(
      tensor,
      `has ${count} elements; Roundoff reads at most ${MAX_DECODED_ELEMENTS} at once`,
    );
  }
  if (tensor.rawData) {
    const stored = tensor.rawData.byteLength;
    if (stored !== bytes) {
      throw tensorError(
        tensor,
        `has ${stored} bytes of data, but its shape ${shapeText(tensor)} needs ${bytes}`,
      );
    }
  } else if (!tensor.typedData) {
    if (count > 0) throw tensorError(tensor, `has the shape ${shapeText(tensor)} but no data`);
  } else {
    // A packed element takes at least one byte on the wire, so this bounds what `unpack` allocates.
    const least = wireElements(tensor.dataType, count);
    if (tensor.typedData.payload.byteLength < least) {
      throw tensorError(
        tensor,
        `has ${tensor.typedData.payload.byteLength} bytes of data, too few for its shape ${shapeText(tensor)}`,
      );
    }
  }
}

/** Entries in a typed field: sub-byte elements share one, complex numbers take two. */
function wireElements(dataType: number, count: number): number {
  const facts = dataTypeFacts(dataType);
  if (!facts) return count;
  if (facts.name.startsWith('complex')) return 2 * count;
  return facts.bits < 8 ? Math.ceil((count * facts.bits) / 8) : count;
}

function unpack(tensor: Tensor, field: TypedField, wire: Uint8Array): Uint8Array {
  const count = elementCount(tensor);
  const entries = wireElements(tensor.dataType, count);
  const total = rawByteLength(tensor.dataType, count) ?? 0;
  if (field === 'floatData' || field === 'doubleData') {
    const size = field === 'floatData' ? 4 : 8;
    if (wire.byteLength !== entries * size || total !== wire.byteLength) {
      throw tensorError(
        tensor,
        `has ${wire.byteLength / size} values in its ${field}, but is ${dtypeName(tensor.dataType)} of shape ${shapeText(tensor)}`,
      );
    }
    return copyBytes(wire);
  }
  return unpackVarints(tensor, wire, entries, total);
}

/** Integers as varints, cut to the width of one element; negative ones are sign-extended to 64 bits on the wire. */
function unpackVarints(tensor: Tensor, wire: Uint8Array, entries: number, total: number): Uint8Array {
  const raw = new Uint8Array(total);
  const width = entries === 0 ? 0 : total / entries;
  let at = 0;
  let found = 0;
  while (at < wire.byteLength) {
    let low = 0;
    let high = 0;
    let shift = 0;
    for (let more = true; more; shift += 7) {
      const byte = wire[at++];
      if (byte === undefined || shift > 63)
        throw tensorError(tensor, 'has damaged data: a number is cut off');
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >> 4;
      } else high |= bits << (shift - 32);
      more = byte >= 0x80;
    }
    for (let byte = 0; byte < width && found < entries; byte++) {
      raw[found * width + byte] = byte < 4 ? low >>> (8 * byte) : high >>> (8 * (byte - 4));
    }
    found += 1;
  }
  if (found !== entries) {
    throw tensorError(tensor, `has ${found} values, but its shape ${shapeText(tensor)} needs ${entries}`);
  }
  return raw;
}

function shapeText(tensor: Tensor): string {
  return `[${tensor.dims.join(', ')}]`;
}

export function tensorError(tensor: Pick<Tensor, 'name'>, problem: string): OnnxFileError {
  return new OnnxFileError(`Tensor "${tensor.name}" ${problem}.`);
}
