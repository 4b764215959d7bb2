/** Compares a model with what the package `onnx-proto`, an independent decoder, reads from the same bytes. */
import onnxProto from 'onnx-proto';
import type { Payload } from '../../src/core/onnx/payload';

const typedFields = ['floatData', 'int32Data', 'int64Data', 'doubleData', 'uint64Data'];

interface LongLike {
  toString(): string;
}

export function oracleDecode(bytes: Uint8Array): object {
  return onnxProto.onnx.ModelProto.decode(bytes);
}

/** Every difference as `path: ours, theirs`, for the fields that the oracle found. */
export async function differences(ours: object, theirs: object, path = 'model'): Promise<string[]> {
  const found: string[] = [];
  const mine = ours as Record<string, unknown>;
  for (const [key, value] of Object.entries(theirs)) {
    const at = `${path}.${key}`;
    if (key === 'rawData') {
      if (mine['dataLocation'] === 1) continue;
      const raw = await (mine['rawData'] as Payload | undefined)?.read();
      if (!raw || Buffer.compare(raw, value as Uint8Array) !== 0) found.push(`${at}: raw bytes differ`);
    } else if (typedFields.includes(key)) {
      found.push(...(await typedDifferences(mine, key, value as unknown[], at)));
    } else if (Array.isArray(value)) {
      const list = mine[key] as unknown[];
      if (list?.length !== value.length) found.push(`${at}: ${list?.length} elements, ${value.length}`);
      else {
        for (const [index, element] of value.entries()) {
          found.push(...(await compare(list[index], element, `${at}[${index}]`)));
        }
      }
    } else found.push(...(await compare(mine[key], value, at)));
  }
  return found;
}

async function compare(ours: unknown, theirs: unknown, at: string): Promise<string[]> {
  if (theirs instanceof Uint8Array) {
    return ours instanceof Uint8Array && Buffer.compare(ours, theirs) === 0 ? [] : [`${at}: bytes differ`];
  }
  if (isLong(theirs))
    return String(ours) === theirs.toString() ? [] : [`${at}: ${String(ours)}, ${theirs.toString()}`];
  if (typeof theirs === 'object' && theirs !== null) {
    return typeof ours === 'object' && ours !== null ? differences(ours, theirs, at) : [`${at}: missing`];
  }
  const same = Object.is(ours, theirs) || String(ours) === String(theirs);
  return same ? [] : [`${at}: ${String(ours)}, ${String(theirs)}`];
}

function isLong(value: unknown): value is LongLike {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value;
}

async function typedDifferences(
  tensor: Record<string, unknown>,
  field: string,
  theirs: readonly unknown[],
  at: string,
): Promise<string[]> {
  if (theirs.length === 0) return [];
  const typed = tensor['typedData'] as { field: string; payload: Payload } | undefined;
  if (typed?.field !== field) return [`${at}: typed data in ${typed?.field ?? 'no field'}`];
  const ours = packed(field, Buffer.from(await typed.payload.read()));
  const differs =
    ours.length !== theirs.length || ours.some((value, index) => value !== String(theirs[index]));
  return differs ? [`${at}: elements differ`] : [];
}

function packed(field: string, wire: Buffer): string[] {
  const values: string[] = [];
  if (field === 'floatData')
    for (let at = 0; at < wire.length; at += 4) values.push(String(wire.readFloatLE(at)));
  else if (field === 'doubleData') {
    for (let at = 0; at < wire.length; at += 8) values.push(String(wire.readDoubleLE(at)));
  } else {
    for (let at = 0; at < wire.length;) {
      let value = 0n;
      for (let shift = 0n, byte = 128; byte >= 128; shift += 7n) {
        byte = wire.readUInt8(at++);
        value |= BigInt(byte & 127) << shift;
      }
      values.push(
        String(field === 'uint64Data' ? value : BigInt.asIntN(field === 'int32Data' ? 32 : 64, value)),
      );
    }
  }
  return values;
}
