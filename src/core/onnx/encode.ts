/** Messages to bytes: unchanged messages are copied, derived ones patched, new ones encoded. */
import Long from 'long';
import { ExternalPayload } from './externalPayload';
import { type FieldInfo, type MessageInfo, accepts, attributeInfo, tensorInfo } from './messages';
import { type Origin, baseOf, derive, originOf } from './origin';
import { Pieces } from './pieces';
import { type FieldRecord, readRecords } from './records';
import { AttributeType, type Attribute, type Tensor } from './types';
import { bytesHeader } from './wire';

type Fields = Readonly<Record<string, unknown>>;

/** The bytes of a message, as pieces. Reads record headers of derived messages, never payloads. */
export async function encodeMessage(info: MessageInfo, message: object): Promise<Pieces> {
  const origin = originOf(message);
  if (origin) {
    const pieces = new Pieces();
    pieces.copy(origin.source, origin.offset, origin.length);
    return pieces;
  }
  const current = info === tensorInfo ? embedded(message as Tensor) : message;
  const base = baseOf(current);
  const baseOrigin = base && originOf(base);
  return base && baseOrigin
    ? encodeDerived(info, current as Fields, base as Fields, baseOrigin)
    : encodeNew(info, current as Fields);
}

/** A tensor that got new bytes is no longer external, whatever its copied fields say. */
function embedded(tensor: Tensor): Tensor {
  const stale = tensor.dataLocation === 1 && tensor.rawData && !(tensor.rawData instanceof ExternalPayload);
  return stale ? derive(tensor, { dataLocation: 0, externalData: [] }) : tensor;
}

async function encodeNew(info: MessageInfo, message: Fields): Promise<Pieces> {
  const pieces = new Pieces();
  for (const field of info.fields) await encodeField(pieces, info, field, message);
  return pieces;
}

async function encodeDerived(
  info: MessageInfo,
  message: Fields,
  base: Fields,
  origin: Origin,
): Promise<Pieces> {
  const records = await readRecords(origin);
  const pieces = new Pieces();
  const changed = info.fields.filter(({ property }) => !unchanged(message[property], base[property]));
  const present = new Set<FieldInfo>();
  const fieldAt = records.map((record) => {
    const field = info.byId.get(record.id);
    if (!field || !accepts(field, record.wireType)) return undefined;
    present.add(field);
    return field;
  });
  const absent = changed.filter((field) => !present.has(field));
  const lists = new Map<FieldInfo, ListEdit>();
  const written = new Set<FieldInfo>();

  for (const [index, record] of records.entries()) {
    // A field that the file did not have goes where its number puts it.
    while (absent[0] && absent[0].id < record.id) {
      await encodeField(pieces, info, absent[0], message);
      absent.shift();
    }
    const field = fieldAt[index];
    if (!field || !changed.includes(field)) {
      copyRecord(pieces, origin, record);
    } else if (field.kind === 'message' && field.repeated) {
      const edit = lists.get(field) ?? new ListEdit(base[field.property], message[field.property]);
      lists.set(field, edit);
      await edit.writeNext(pieces, field, origin, record);
    } else if (!written.has(field)) {
      written.add(field);
      await encodeField(pieces, info, field, message);
    }
  }
  for (const field of absent) await encodeField(pieces, info, field, message);
  return pieces;
}

function copyRecord(pieces: Pieces, { source }: Origin, record: FieldRecord): void {
  pieces.copy(source, record.start, record.end - record.start);
}

/** Same reference, or lists of the same elements. */
function unchanged(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((element, index) => Object.is(element, b[index]));
}

/**
 * A changed list of messages over the records of the old one. Elements that stay are written at their record, new
 * ones before the next element that stays, the rest after the last record. A new order is written at the first record.
 */
class ListEdit {
  private readonly at: object[][];
  private next = 0;

  constructor(before: unknown, after: unknown) {
    this.base = (before ?? []) as object[];
    const elements = (after ?? []) as object[];
    const positions = new Map(this.base.map((element, index) => [element, index]));
    const oldPositions = elements.map(
      (element) => positions.get(element) ?? positions.get(baseOf(element) ?? element),
    );
    const kept = oldPositions.filter((position) => position !== undefined);
    const inOrder = kept.every((position, index) => index === 0 || position > (kept[index - 1] ?? -1));
    this.at = this.base.map(() => []);
    let waiting: object[] = [];
    for (const [index, element] of elements.entries()) {
      waiting.push(element);
      const position = oldPositions[index];
      if (inOrder && position !== undefined) {
        this.at[position] = waiting;
        waiting = [];
      }
    }
    const last = Math.max(0, this.at.length - 1);
    this.at[inOrder ? last : 0] = inOrder ? (this.at[last] ?? []).concat(waiting) : waiting;
  }

  private readonly base: readonly object[];

  async writeNext(pieces: Pieces, field: FieldInfo, origin: Origin, record: FieldRecord): Promise<void> {
    const index = this.next++;
    for (const element of this.at[index] ?? []) {
      if (element === this.base[index]) copyRecord(pieces, origin, record);
      else pieces.record(field.id, await encodeMessage(messageOf(field), element));
    }
  }
}

async function encodeField(
  pieces: Pieces,
  info: MessageInfo,
  field: FieldInfo,
  message: Fields,
): Promise<void> {
  const value = message[field.property];
  if (value === undefined) return;
  switch (field.kind) {
    case 'message': {
      const elements = (field.repeated ? value : [value]) as readonly object[];
      for (const element of elements) pieces.record(field.id, await encodeMessage(messageOf(field), element));
      return;
    }
    case 'raw': {
      const { rawData } = message as unknown as Tensor;
      // An external payload is written by its entries.
      if (!rawData || rawData instanceof ExternalPayload) return;
      pieces.bytes(bytesHeader(field.id, rawData.byteLength));
      pieces.payload(rawData);
      return;
    }
    case 'typed': {
      const { typedData } = message as unknown as Tensor;
      if (typedData?.field !== field.name) return;
      pieces.bytes(bytesHeader(field.id, typedData.payload.byteLength));
      pieces.payload(typedData.payload);
      return;
    }
    case 'scalar':
      if (!isDefault(value) || mustBeWritten(info, field, message)) {
        pieces.bytes(info.type.encode({ [field.name]: toWire(field, value) }).finish());
      }
  }
}

function messageOf(field: FieldInfo): MessageInfo {
  if (!field.message) throw new Error(`${field.protoName} is not a message`);
  return field.message;
}

function isDefault(value: unknown): boolean {
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return value === '' || value === 0n || Object.is(value, 0);
}

/** Fields that readers look for even when they hold the default. */
const alwaysWritten = new Set([
  'TensorProto.dataType',
  'TensorTypeProto.elemType',
  'MapTypeProto.keyType',
  'OperatorSetIdProto.version',
  'StringStringEntryProto.key',
  'StringStringEntryProto.value',
]);

const attributeValueField: Readonly<Record<number, string>> = {
  [AttributeType.FLOAT]: 'f',
  [AttributeType.INT]: 'i',
  [AttributeType.STRING]: 's',
};

function mustBeWritten(info: MessageInfo, field: FieldInfo, message: Fields): boolean {
  if (field.repeated) return false;
  if (field.absent === undefined || alwaysWritten.has(`${info.name}.${field.name}`)) return true;
  if (info !== attributeInfo) return false;
  const attribute = message as unknown as Attribute;
  return !attribute.refAttrName && attributeValueField[attribute.type] === field.name;
}

function toWire(field: FieldInfo, value: unknown): unknown {
  if (field.scalarType !== 'int64') return value;
  const convert = (element: unknown) =>
    typeof element === 'bigint' ? Long.fromString(element.toString()) : element;
  return field.repeated ? (value as unknown[]).map(convert) : convert(value);
}
