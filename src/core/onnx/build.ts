/** Makes new messages with every absent field at its default. Used by rewrites and by tests. */
import { MemoryPayload, type Payload } from './payload';
import {
  type Attribute,
  AttributeType,
  DataType,
  type Dimension,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type ValueInfo,
} from './types';

/** What an attribute can be given as. Numbers say which they are: ONNX tells INT from FLOAT. */
export type AttributeValue =
  | bigint
  | string
  | Tensor
  | Graph
  | { readonly float: number }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

const emptyAttribute: Omit<Attribute, 'name' | 'type'> = {
  refAttrName: '',
  docString: '',
  f: 0,
  i: 0n,
  s: new Uint8Array(0),
  floats: [],
  ints: [],
  strings: [],
  tensors: [],
  graphs: [],
  sparseTensors: [],
  typeProtos: [],
};

export function makeAttribute(name: string, value: AttributeValue): Attribute {
  const base = { ...emptyAttribute, name };
  if (typeof value === 'bigint') return { ...base, type: AttributeType.INT, i: value };
  if (typeof value === 'string')
    return { ...base, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { ...base, type: AttributeType.FLOAT, f: value.float };
  if ('int' in value) return { ...base, type: AttributeType.INT, i: BigInt(value.int) };
  if ('ints' in value) return { ...base, type: AttributeType.INTS, ints: value.ints.map(BigInt) };
  if ('floats' in value) return { ...base, type: AttributeType.FLOATS, floats: value.floats };
  if ('node' in value) return { ...base, type: AttributeType.GRAPH, g: value };
  return { ...base, type: AttributeType.TENSOR, t: value };
}

export interface NodeSpec {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export function makeNode({ opType, input, output, name = '', domain = '', attributes = {} }: NodeSpec): Node {
  return {
    opType,
    input,
    output,
    name,
    domain,
    overload: '',
    docString: '',
    metadataProps: [],
    attribute: Object.entries(attributes).map(([key, value]) => makeAttribute(key, value)),
  };
}

/** A tensor with raw little-endian bytes; `bytes` may be a payload that is computed when written. */
export function makeTensor(
  name: string,
  dataType: DataType,
  dims: readonly number[],
  bytes: Uint8Array | Payload,
): Tensor {
  return {
    name,
    dataType,
    dims,
    rawData: bytes instanceof Uint8Array ? new MemoryPayload(bytes) : bytes,
    stringData: [],
    externalData: [],
    dataLocation: 0,
    docString: '',
    metadataProps: [],
  };
}

type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array;

/** The little-endian bytes of a typed array (every platform that Node supports is little-endian). */
export function bytesOf(values: NumericArray): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A float32 tensor; `dims` defaults to one dimension, `[]` makes a scalar. */
export function floatTensor(
  name: string,
  values: readonly number[] | Float32Array,
  dims: readonly number[] = [values.length],
): Tensor {
  return makeTensor(name, DataType.FLOAT, dims, bytesOf(Float32Array.from(values)));
}

/** An int64 tensor: shapes, axes, indices. */
export function int64Tensor(
  name: string,
  values: readonly number[],
  dims: readonly number[] = [values.length],
): Tensor {
  return makeTensor(name, DataType.INT64, dims, bytesOf(BigInt64Array.from(values, BigInt)));
}

/** A named tensor value; a string dimension is symbolic, null unknown. Without a shape the rank is unknown. */
export function makeValueInfo(
  name: string,
  elemType: DataType,
  shape?: readonly (number | string | null)[],
): ValueInfo {
  const dim = shape?.map((size): Dimension => {
    if (size === null) return {};
    return typeof size === 'number' ? { dimValue: size } : { dimParam: size };
  });
  return {
    name,
    docString: '',
    metadataProps: [],
    type: { denotation: '', tensorType: { elemType, shape: dim && { dim } } },
  };
}

export function makeGraph(parts: Partial<Graph>): Graph {
  return {
    name: 'graph',
    node: [],
    initializer: [],
    sparseInitializer: [],
    docString: '',
    input: [],
    output: [],
    valueInfo: [],
    quantizationAnnotation: [],
    metadataProps: [],
    ...parts,
  };
}

/** A model of IR version 10 with one opset import (default 20). */
export function makeModel(
  graph: Graph,
  { opset = 20, ...parts }: Partial<Model> & { opset?: number } = {},
): Model {
  return {
    irVersion: 10,
    opsetImport: [{ domain: '', version: opset }],
    producerName: 'roundoff',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    graph,
    metadataProps: [],
    trainingInfo: [],
    functions: [],
    ...parts,
  };
}
