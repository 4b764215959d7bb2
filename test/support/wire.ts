/** Protobuf messages by hand, for files that no library would write. Imports nothing from src. */

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

type Content = readonly number[] | Uint8Array | string;

const contentBytes = (content: Content): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content);

export function concat(...parts: readonly Content[]): Buffer {
  return Buffer.concat(parts.map(contentBytes));
}

/** A length-delimited field. */
export function bytesField(id: number, ...content: readonly Content[]): Buffer {
  const body = concat(...content);
  return concat(varint(id * 8 + 2), varint(body.byteLength), body);
}

export function varintField(id: number, value: number | bigint): Buffer {
  return concat(varint(id * 8), varint(value));
}

export function fixed32Field(id: number, value: number): Buffer {
  return concat(varint(id * 8 + 5), new Uint8Array(Float32Array.of(value).buffer));
}

/** Field numbers of the ONNX specification. */
export const ids = {
  model: { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, functions: 25 },
  graph: { node: 1, name: 2, initializer: 5, docString: 10, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, opType: 4, attribute: 5 },
  attribute: { name: 1, i: 3, s: 4, t: 5, g: 6, floats: 7, ints: 8, type: 20 },
  tensor: {
    dims: 1,
    dataType: 2,
    floatData: 4,
    int32Data: 5,
    int64Data: 7,
    name: 8,
    rawData: 9,
    doubleData: 10,
    uint64Data: 11,
    externalData: 13,
    dataLocation: 14,
  },
} as const;

/** A model with this graph content. */
export function modelBytes(...graph: readonly Content[]): Buffer {
  return concat(
    varintField(ids.model.irVersion, 10),
    bytesField(ids.model.graph, ...graph),
    bytesField(ids.model.opsetImport, varintField(2, 20)),
  );
}

export function nodeBytes(name: string, ...more: readonly Content[]): Buffer {
  return bytesField(
    ids.graph.node,
    bytesField(ids.node.input, 'x'),
    bytesField(ids.node.output, 'y'),
    bytesField(ids.node.name, name),
    bytesField(ids.node.opType, 'Relu'),
    ...more,
  );
}

export interface TensorSpec {
  readonly name?: string;
  readonly dims?: readonly number[];
  readonly dataType: number;
  readonly more?: readonly Uint8Array[];
}

/** The content of a TensorProto. */
export function tensorBytes({ name = 'w', dims = [], dataType, more = [] }: TensorSpec): Buffer {
  return concat(
    ...dims.map((dim) => varintField(ids.tensor.dims, dim)),
    varintField(ids.tensor.dataType, dataType),
    bytesField(ids.tensor.name, name),
    ...more,
  );
}
