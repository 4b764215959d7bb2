/**
 * An ONNX model in memory, field for field as onnx.proto names them (camelCase).
 *
 * Objects are immutable. A change makes a new object with `derive(message, changes)` (see origin.ts), which
 * remembers the message it came from: the writer copies every part that did not change from the source file.
 * A plain object literal is a new message and is encoded whole.
 */
import type { Payload } from './payload';

export interface StringStringEntry {
  readonly key: string;
  readonly value: string;
}

/** TensorProto.DataType. The names are those of onnx.proto in lower case. */
export enum DataType {
  UNDEFINED = 0,
  FLOAT = 1,
  UINT8 = 2,
  INT8 = 3,
  UINT16 = 4,
  INT16 = 5,
  INT32 = 6,
  INT64 = 7,
  STRING = 8,
  BOOL = 9,
  FLOAT16 = 10,
  DOUBLE = 11,
  UINT32 = 12,
  UINT64 = 13,
  COMPLEX64 = 14,
  COMPLEX128 = 15,
  BFLOAT16 = 16,
  FLOAT8E4M3FN = 17,
  FLOAT8E4M3FNUZ = 18,
  FLOAT8E5M2 = 19,
  FLOAT8E5M2FNUZ = 20,
  UINT4 = 21,
  INT4 = 22,
  FLOAT4E2M1 = 23,
  FLOAT8E8M0 = 24,
  UINT2 = 25,
  INT2 = 26,
}

/** AttributeProto.AttributeType. */
export enum AttributeType {
  UNDEFINED = 0,
  FLOAT = 1,
  INT = 2,
  STRING = 3,
  TENSOR = 4,
  GRAPH = 5,
  FLOATS = 6,
  INTS = 7,
  STRINGS = 8,
  TENSORS = 9,
  GRAPHS = 10,
  SPARSE_TENSOR = 11,
  SPARSE_TENSORS = 12,
  TYPE_PROTO = 13,
  TYPE_PROTOS = 14,
}

/** Which TensorProto field holds the elements of a typed (not raw) tensor. */
export type TypedField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

/** Elements in a typed repeated field, as packed protobuf content (concatenated when written in parts). */
export interface TypedPayload {
  readonly field: TypedField;
  readonly payload: Payload;
}

export interface Tensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** A `DataType`, or a number this version does not know. */
  readonly dataType: number;
  /** Little-endian elements; present when the file uses raw_data or, once resolved, external data. */
  readonly rawData?: Payload;
  readonly typedData?: TypedPayload;
  readonly stringData: readonly Uint8Array[];
  readonly externalData: readonly StringStringEntry[];
  /** 0 DEFAULT, 1 EXTERNAL. When EXTERNAL, `rawData` reads the external file. */
  readonly dataLocation: number;
  readonly docString: string;
  readonly metadataProps: readonly StringStringEntry[];
  /** A part of a larger tensor: deprecated, but kept. */
  readonly segment?: { readonly begin?: number; readonly end?: number };
}

export interface SparseTensor {
  readonly values?: Tensor;
  readonly indices?: Tensor;
  readonly dims: readonly number[];
}

/** A dimension: a value, a symbolic name, or (neither) unknown. */
export interface Dimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
  readonly denotation?: string;
}

export interface TensorType {
  readonly elemType: number;
  /** Absent: rank unknown. */
  readonly shape?: { readonly dim: readonly Dimension[] };
}

export interface Type {
  readonly tensorType?: TensorType;
  readonly sparseTensorType?: TensorType;
  readonly sequenceType?: { readonly elemType?: Type };
  readonly optionalType?: { readonly elemType?: Type };
  readonly mapType?: { readonly keyType: number; readonly valueType?: Type };
  readonly opaqueType?: { readonly domain: string; readonly name: string };
  readonly denotation: string;
}

export interface ValueInfo {
  readonly name: string;
  readonly type?: Type;
  readonly docString: string;
  readonly metadataProps: readonly StringStringEntry[];
}

export interface Attribute {
  readonly name: string;
  readonly refAttrName: string;
  readonly docString: string;
  /** An `AttributeType`; 0 in files of IR version 1, where the set field tells. */
  readonly type: number;
  readonly f: number;
  readonly i: bigint;
  readonly s: Uint8Array;
  readonly t?: Tensor;
  readonly g?: Graph;
  readonly sparseTensor?: SparseTensor;
  readonly tp?: Type;
  readonly floats: readonly number[];
  readonly ints: readonly bigint[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly Tensor[];
  readonly graphs: readonly Graph[];
  readonly sparseTensors: readonly SparseTensor[];
  readonly typeProtos: readonly Type[];
}

/** How a node is spread over devices. */
export interface NodeDeviceConfiguration {
  readonly configurationId?: string;
  readonly shardingSpec: readonly ShardingSpec[];
  readonly pipelineStage?: number;
}

export interface ShardingSpec {
  readonly tensorName: string;
  readonly device: readonly number[];
  readonly indexToDeviceGroupMap: readonly { readonly key: number; readonly value: readonly number[] }[];
  readonly shardedDim: readonly {
    readonly axis: number;
    readonly simpleSharding: readonly {
      readonly dimValue?: number;
      readonly dimParam?: string;
      readonly numShards?: number;
    }[];
  }[];
}

export interface DeviceConfiguration {
  readonly name: string;
  readonly numDevices: number;
  readonly device: readonly string[];
}

export interface Node {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly overload: string;
  readonly attribute: readonly Attribute[];
  readonly docString: string;
  readonly metadataProps: readonly StringStringEntry[];
  readonly deviceConfigurations?: readonly NodeDeviceConfiguration[];
}

export interface TensorAnnotation {
  readonly tensorName: string;
  readonly quantParameterTensorNames: readonly StringStringEntry[];
}

export interface Graph {
  readonly node: readonly Node[];
  readonly name: string;
  readonly initializer: readonly Tensor[];
  readonly sparseInitializer: readonly SparseTensor[];
  readonly docString: string;
  readonly input: readonly ValueInfo[];
  readonly output: readonly ValueInfo[];
  readonly valueInfo: readonly ValueInfo[];
  readonly quantizationAnnotation: readonly TensorAnnotation[];
  readonly metadataProps: readonly StringStringEntry[];
}

/** A model-local function (FunctionProto). */
export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** Attributes without a default. */
  readonly attribute: readonly string[];
  /** Attributes with a default. */
  readonly attributeProto: readonly Attribute[];
  readonly node: readonly Node[];
  readonly docString: string;
  readonly opsetImport: readonly OperatorSetId[];
  readonly valueInfo: readonly ValueInfo[];
  readonly metadataProps: readonly StringStringEntry[];
}

export interface OperatorSetId {
  readonly domain: string;
  readonly version: number;
}

export interface TrainingInfo {
  readonly initialization?: Graph;
  readonly algorithm?: Graph;
  readonly initializationBinding: readonly StringStringEntry[];
  readonly updateBinding: readonly StringStringEntry[];
}

export interface Model {
  readonly irVersion: number;
  readonly opsetImport: readonly OperatorSetId[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly docString: string;
  readonly graph?: Graph;
  readonly metadataProps: readonly StringStringEntry[];
  readonly trainingInfo: readonly TrainingInfo[];
  readonly functions: readonly ModelFunction[];
  readonly configuration?: readonly DeviceConfiguration[];
}
