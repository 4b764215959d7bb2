/** Moving tensors between the model file and external data. */
import { ExternalPayload } from './externalPayload';
import { type MessageInfo, modelInfo, tensorInfo } from './messages';
import { derive } from './origin';
import type { Payload } from './payload';
import { DataType, type Model, type Tensor } from './types';

/** Tensors below this stay in the model file: shape inference and constant folding read them there. */
const SMALLEST_EXTERNAL_BYTES = 1024;
/** A memory page: tensors at page boundaries can be mapped. */
const PAGE_BYTES = 4096;
/** Windows maps files in units of 64 KiB; worth the padding for large tensors only. */
const MAPPING_BYTES = 64 * 1024;
const LARGE_BYTES = 1024 * 1024;

/** Where a tensor stands: in a list of initializers, or in an attribute or a sparse tensor. */
export type TensorRole = 'initializer' | 'other';

/**
 * A copy of the model with every tensor, at any depth, replaced by `visit`. Unchanged parts stay the same objects.
 */
export function mapTensors(model: Model, visit: (tensor: Tensor, role: TensorRole) => Tensor): Model {
  return mapMessage(modelInfo, model, 'other', visit) as Model;
}

function mapMessage(
  info: MessageInfo,
  message: object,
  role: TensorRole,
  visit: (tensor: Tensor, role: TensorRole) => Tensor,
): object {
  if (info === tensorInfo) return visit(message as Tensor, role);
  const fields = message as Readonly<Record<string, unknown>>;
  const changes: Record<string, unknown> = {};
  for (const field of info.slots) {
    const child = field.message;
    const value = fields[field.property];
    if (!child || value === undefined || !holdsTensors(child)) continue;
    const childRole = field.property === 'initializer' ? 'initializer' : 'other';
    const map = (element: object) => mapMessage(child, element, childRole, visit);
    if (!field.repeated) {
      const next = map(value as object);
      if (next !== value) changes[field.property] = next;
      continue;
    }
    const elements = value as readonly object[];
    const next = elements.map(map);
    if (next.some((element, index) => element !== elements[index])) changes[field.property] = next;
  }
  return Object.keys(changes).length ? derive(message, changes) : message;
}

const tensorHolders = new Map<MessageInfo, boolean>([[tensorInfo, true]]);

function holdsTensors(info: MessageInfo): boolean {
  const known = tensorHolders.get(info);
  if (known !== undefined) return known;
  tensorHolders.set(info, false); // ends the recursion of graphs in attributes in graphs
  const holds = info.slots.some((field) => field.message !== undefined && holdsTensors(field.message));
  tensorHolders.set(info, holds);
  return holds;
}

/** The model with all external tensors embedded, so that it needs no other file. */
export function embedExternal(model: Model): Model {
  return mapTensors(model, (tensor) => {
    if (tensor.dataLocation !== 1 || !tensor.rawData) return tensor;
    return derive(tensor, { rawData: plain(tensor.rawData), externalData: [], dataLocation: 0 });
  });
}

/** The same bytes, without the mark that they are written by reference. */
function plain(payload: Payload): Payload {
  if (!(payload instanceof ExternalPayload)) return payload;
  return { byteLength: payload.byteLength, read: (offset, length) => payload.read(offset, length) };
}

/** A payload and its place in a data file. */
export interface PlacedPayload {
  readonly payload: Payload;
  readonly offset: number;
}

/**
 * Moves initializers and tensors that were external already to a data file.
 * @param location path of the data file as the model names it: relative to the model
 * @returns the model, what goes where in the data file, and the data file's size
 */
export function moveToExternal(
  model: Model,
  location: string,
): { model: Model; placed: PlacedPayload[]; bytes: number } {
  const placed: PlacedPayload[] = [];
  let bytes = 0;
  const moved = mapTensors(model, (tensor, role) => {
    const payload = littleEndianBytes(tensor);
    if (!payload || payload.byteLength < SMALLEST_EXTERNAL_BYTES) return embedOne(tensor);
    if (role !== 'initializer' && tensor.dataLocation !== 1) return tensor;
    const unit = payload.byteLength < LARGE_BYTES ? PAGE_BYTES : MAPPING_BYTES;
    const offset = Math.ceil(bytes / unit) * unit;
    bytes = offset + payload.byteLength;
    placed.push({ payload, offset });
    return derive(tensor, {
      rawData: undefined,
      typedData: undefined,
      dataLocation: 1,
      externalData: [
        { key: 'location', value: location },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(payload.byteLength) },
      ],
    });
  });
  return { model: moved, placed, bytes };
}

function embedOne(tensor: Tensor): Tensor {
  if (tensor.dataLocation !== 1 || !tensor.rawData) return tensor;
  return derive(tensor, { rawData: plain(tensor.rawData), externalData: [], dataLocation: 0 });
}

/** The elements as raw_data would hold them, when they are stored that way: raw, or packed floats and doubles. */
function littleEndianBytes(tensor: Tensor): Payload | undefined {
  if (tensor.rawData) return plain(tensor.rawData);
  const typed = tensor.typedData;
  const dataType: DataType = tensor.dataType;
  if (typed?.field === 'floatData' && dataType === DataType.FLOAT) return typed.payload;
  if (typed?.field === 'doubleData' && dataType === DataType.DOUBLE) return typed.payload;
  return undefined;
}
