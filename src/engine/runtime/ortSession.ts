import type { InferenceSession, OnnxValue, Tensor } from 'onnxruntime-node';
import type { Feeds, RuntimeData, RuntimeTensor, RuntimeType, Session } from '../../core/ports';
import { RuntimeFailure } from '../engineErrors';
import type { Ort } from './loadRuntime';
import { runtimeFailure } from './runtimeError';

const runtimeTypes: ReadonlySet<string> = new Set<RuntimeType>([
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
]);

function isRuntimeType(type: string): type is RuntimeType {
  return runtimeTypes.has(type);
}

/** A session of onnxruntime-node behind core's port. */
export class OrtSession implements Session {
  /** Output name → why it must not be fetched. onnxruntime-node 1.30 does not fail then: it ends the process. */
  readonly #refused: ReadonlyMap<string, string>;

  /**
   * @param file what messages call the model.
   * @param onRelease removes what the session was made from.
   */
  constructor(
    private readonly ort: Ort,
    private readonly session: InferenceSession,
    private readonly file: string,
    private readonly onRelease: () => Promise<void> = async () => undefined,
  ) {
    this.#refused = new Map(
      session.outputMetadata.flatMap((output): [string, string][] => {
        if (!output.isTensor) return [[output.name, 'is a sequence, map or optional']];
        return isRuntimeType(output.type) ? [] : [[output.name, `has type ${output.type}`]];
      }),
    );
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.session.outputNames;
  }

  async run(feeds: Feeds, fetches: readonly string[] = this.outputNames): Promise<Feeds> {
    for (const name of fetches) this.#refuse(name);
    let results: InferenceSession.OnnxValueMapType;
    try {
      const tensors = Object.entries(feeds).map(([name, tensor]): [string, OnnxValue] => [
        name,
        toOrtTensor(this.ort, tensor),
      ]);
      results = await this.session.run(Object.fromEntries(tensors), [...fetches]);
    } catch (error) {
      throw runtimeFailure(error, 'run', this.file);
    }
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrtTensor(value)]));
  }

  /** Writes the profile that the session was opened with. */
  endProfiling(): void {
    this.session.endProfiling();
  }

  async release(): Promise<void> {
    try {
      await this.session.release();
    } finally {
      await this.onRelease();
    }
  }

  #refuse(output: string): void {
    const why = this.#refused.get(output);
    if (why === undefined) return;
    throw new RuntimeFailure(
      `${this.file} cannot be run: its output ${output} ${why}, which crashes ONNX Runtime's Node package. ` +
        'Remove that output or convert it to a plain tensor in the model.',
    );
  }
}

function toOrtTensor(ort: Ort, { type, data, dims }: RuntimeTensor): Tensor {
  // The constructor takes a Uint16Array for float16 with or without a Float16Array in the JavaScript engine.
  const make = ort.Tensor as unknown as new (
    type: RuntimeType,
    data: RuntimeData,
    dims: readonly number[],
  ) => Tensor;
  return new make(type, data, dims);
}

function fromOrtTensor({ type, data, dims }: Tensor): RuntimeTensor {
  if (!isRuntimeType(type)) throw new RuntimeFailure(`ONNX Runtime returned a tensor of type ${type}.`);
  if (type === 'float16' && !(data instanceof Uint16Array)) {
    const { buffer, byteOffset, length } = data as unknown as Uint16Array;
    return { type, dims, data: new Uint16Array(buffer, byteOffset, length) };
  }
  return { type, dims, data: data };
}
