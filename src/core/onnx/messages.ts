/**
 * The schema compiled: per message, which fields it has and how each appears in the objects of types.ts.
 * protobufjs decodes and encodes the scalar fields; sub-messages and payloads are handled around it.
 */
import Long from 'long';
import protobuf, { type Type } from 'protobufjs';
import { onnxSchema } from './schema';
import type { TypedField } from './types';

/** How the reader and the writer treat a field. `raw` and `typed` are tensor payloads, never parsed. */
export type FieldKind = 'scalar' | 'message' | 'raw' | 'typed';

export interface FieldInfo {
  readonly id: number;
  /** As onnx.proto spells it, for error messages. */
  readonly protoName: string;
  /** Name given by protobufjs. */
  readonly name: string;
  /** Property of the objects in types.ts; the typed payload fields share `typedData`. */
  readonly property: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  readonly scalarType: string;
  readonly wireType: number;
  /** Position among the message fields of its message. */
  readonly slot: number;
  readonly message: MessageInfo | undefined;
  /** The value when the field is not in the file; undefined keeps absence visible. */
  readonly absent: unknown;
  /** int64 kept as bigint; other int64 fields must fit a number. */
  readonly exact: boolean;
}

export interface MessageInfo {
  readonly name: string;
  readonly type: Type;
  /** In order of field number. */
  readonly fields: readonly FieldInfo[];
  readonly byId: ReadonlyMap<number, FieldInfo>;
  readonly slots: readonly FieldInfo[];
  /** The object of a message without content; copies of it are the start of every message. */
  readonly blank: Readonly<Record<string, unknown>>;
}

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** Fields whose full 64 bits matter: `ends` of an old Slice is often 2^63 − 1. */
const exactFields = new Set(['AttributeProto.i', 'AttributeProto.ints', 'ModelProto.modelVersion']);

/** Messages in which "not set" differs from "set to the default". */
const presenceMessages = new Set([
  'DimensionProto',
  'TensorSegment',
  'NodeDeviceConfigurationProto',
  'SimpleShardedDimProto',
]);

/** Repeated fields that builders of new messages may leave out (newer and rarer than types.ts's required ones). */
const optionalLists = new Set(['configuration', 'deviceConfigurations']);

const wireTypes: Readonly<Record<string, number>> = {
  int32: WIRE_VARINT,
  int64: WIRE_VARINT,
  uint64: WIRE_VARINT,
  float: WIRE_FIXED32,
  double: WIRE_FIXED64,
  string: WIRE_BYTES,
  bytes: WIRE_BYTES,
};

const typedFields: ReadonlySet<string> = new Set<TypedField>([
  'floatData',
  'int32Data',
  'int64Data',
  'doubleData',
  'uint64Data',
]);

const empty: readonly never[] = Object.freeze([]);
const noBytes = new Uint8Array(0);

function absentValue(messageName: string, field: protobuf.Field, exact: boolean): unknown {
  if (field.repeated) return optionalLists.has(field.name) ? undefined : empty;
  if (presenceMessages.has(messageName) || wireTypes[field.type] === undefined) return undefined;
  if (field.type === 'string') return '';
  if (field.type === 'bytes') return noBytes;
  return exact ? 0n : 0;
}

function kindOf(messageName: string, field: protobuf.Field): FieldKind {
  if (messageName === 'TensorProto') {
    if (field.name === 'rawData') return 'raw';
    if (typedFields.has(field.name)) return 'typed';
  }
  return wireTypes[field.type] === undefined ? 'message' : 'scalar';
}

function compile(): (name: string) => MessageInfo {
  protobuf.util.Long = Long;
  protobuf.configure();
  const root = protobuf.parse(onnxSchema).root;
  const compiled = new Map<string, MessageInfo>();

  const compileMessage = (name: string): MessageInfo => {
    const known = compiled.get(name);
    if (known) return known;
    const type = root.lookupType(`onnx.${name}`);
    const fields: FieldInfo[] = [];
    const byId = new Map<number, FieldInfo>();
    const slots: FieldInfo[] = [];
    const blank: Record<string, unknown> = {};
    const info: MessageInfo = { name, type, fields, byId, slots, blank };
    compiled.set(name, info);
    for (const field of [...type.fieldsArray].sort((a, b) => a.id - b.id)) {
      const kind = kindOf(name, field);
      const exact = exactFields.has(`${name}.${field.name}`);
      const entry: FieldInfo = {
        id: field.id,
        protoName: field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        name: field.name,
        property: kind === 'typed' ? 'typedData' : field.name,
        kind,
        repeated: field.repeated,
        scalarType: field.type,
        wireType: wireTypes[field.type] ?? WIRE_BYTES,
        slot: kind === 'message' ? slots.length : -1,
        message: kind === 'message' ? compileMessage(field.type) : undefined,
        absent: kind === 'raw' || kind === 'typed' ? undefined : absentValue(name, field, exact),
        exact,
      };
      fields.push(entry);
      byId.set(entry.id, entry);
      if (entry.absent !== undefined) blank[entry.property] = entry.absent;
      if (kind === 'message') slots.push(entry);
    }
    return info;
  };
  return compileMessage;
}

const messageNamed = compile();

export const modelInfo = messageNamed('ModelProto');
export const nodeInfo = messageNamed('NodeProto');
export const tensorInfo = messageNamed('TensorProto');
export const attributeInfo = messageNamed('AttributeProto');

/** True when a record with this wire type holds the field; otherwise protobuf treats it as an unknown field. */
export function accepts(field: FieldInfo, wireType: number): boolean {
  if (wireType === field.wireType) return true;
  // Lists of numbers may be packed or not, whatever the schema prefers.
  return field.repeated && wireType === WIRE_BYTES;
}
