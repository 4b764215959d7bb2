/**
 * What core needs from the outside. The engine implements these; tests use small in-memory versions.
 */
import type { Model } from './onnx/types';

/** Structural subset of the platform's `AbortSignal`. */
export interface CancelSignal {
  readonly aborted: boolean;
}

/** Positional, read-only access to bytes: a file, or a buffer. */
export interface ByteSource {
  /** What messages call this source: a file path or a description. */
  readonly name: string;
  /** Size in bytes when the source was opened. */
  readonly size: number;
  /**
   * Reads exactly `length` bytes at `offset`.
   * @throws OnnxFileError when the range passes the end or the file changed since it was opened.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Like `read`, into memory of the caller: fills `target`. */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
}

/** Sequential byte output. `write` may keep no reference to `bytes` after its promise settles. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

/** Resolves an external-data location (as written in the model) to bytes, or throws a clear error. */
export type ExternalDataResolver = (location: string) => Promise<ByteSource>;

/** The element types that can be fed to or fetched from the runtime. */
export type RuntimeType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'string';

export type RuntimeData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** A dense tensor at the runtime's border; row-major. float16 is carried as its bits in a Uint16Array. */
export interface RuntimeTensor {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  readonly data: RuntimeData;
}

/** Value name → tensor. */
export type Feeds = Readonly<Record<string, RuntimeTensor>>;

export interface SessionOptions {
  /**
   * `simulate` keeps Q/DQ pairs as float simulation (design.md decision 4); `full` is every optimization, as a
   * user would run the file; `none` switches the optimizer off, for calibration of named intermediate values.
   */
  readonly optimization: 'simulate' | 'full' | 'none';
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the model. @param fetches output names wanted; all when absent. */
  run(feeds: Feeds, fetches?: readonly string[]): Promise<Feeds>;
  release(): Promise<void>;
}

/** A kernel that the runtime ran, which may stand for several nodes of the file. */
export interface ProfiledKernel {
  /** Of a node of the model, or what the runtime made of one, or of a value (see latency/kernelOwners.ts). */
  readonly name: string;
  /** Such as `Conv`, `QLinearConv` or `ReorderInput`. */
  readonly op: string;
  /** Of one run: the mean of the fastest tenth of the runs. */
  readonly microseconds: number;
  /** In all outputs together. */
  readonly outputElements: number;
}

/** Something that runs models: onnxruntime-node in the engine process. */
export interface Runtime {
  /** Name and version, for result caches and reports, such as `onnxruntime-node 1.30.0 (cpu)`. */
  readonly version: string;
  /** Serialises the model (to memory, or a temporary file when large) and creates a session from it. */
  openModel(model: Model, options: SessionOptions): Promise<Session>;
  /**
   * Runs a model at full optimization and times each kernel. Absent: the runtime cannot tell.
   * @returns kernels of the main graph in the order they ran; those inside an If, Loop or Scan count with it.
   */
  profile?(model: Model, feeds: Feeds, runs: number, work?: Work): Promise<ProfiledKernel[]>;
}

/** One sample (or batch) of inputs with what is known about it. */
export interface Sample {
  /** Position in the data set, before any shuffling. */
  readonly index: number;
  readonly feeds: Feeds;
  /** Class index, or per-pixel class indices in row-major order. */
  readonly label?: number | Int32Array;
}

export type SliceName = 'calibrate' | 'scan' | 'verify';

/** A disjoint part of a data set, dealt by a recorded seed. Iterating it again gives the same samples. */
export interface Slice {
  readonly name: SliceName;
  readonly length: number;
  /** What messages call the data that it is a part of: its path as given. */
  readonly source?: string;
  samples(): AsyncIterable<Sample>;
}

/** Called with work done so far; implementations throttle. */
export type ProgressCallback = (done: number, total: number, message: string) => void;

/** Results about one model that outlive a run. Values are plain JSON; what cannot be read is not there. */
export interface ResultCache {
  /** Identifies the model by all that its files hold. */
  readonly model: string;
  /** Identifies a sample by its tensors and label. */
  identify(sample: Sample): string;
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
}

export interface Work {
  readonly signal?: CancelSignal;
  readonly onProgress?: ProgressCallback;
  /** Lets the caller's process hear what came meanwhile: a cancel, other calls. */
  readonly pause?: () => Promise<void>;
}
