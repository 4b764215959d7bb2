import { makeGraph, makeModel, makeNode, makeValueInfo } from '../onnx/build';
import { DataType } from '../onnx/types';
import type { Runtime, Session } from '../ports';
import { multiplyHere, type Multiply, type SquareMatrix } from './multiply';

/** Products below which a run takes longer than the arithmetic. */
const SMALL = 1e5;
/** Of the rows of one run. */
const RUN_BYTES = 64 * 2 ** 20;

/** Multiplies rows by matrices in the runtime. Open it once, use it for every layer, release it. */
export class RuntimeMultiply {
  /** As float32, for as long as the matrix is used. */
  private readonly known = new WeakMap<SquareMatrix, Float32Array>();

  private constructor(private readonly session: Session) {}

  static async open(runtime: Runtime): Promise<RuntimeMultiply> {
    const model = makeModel(
      makeGraph({
        name: 'multiply',
        input: [
          makeValueInfo('rows', DataType.FLOAT, ['count', 'size']),
          makeValueInfo('matrix', DataType.FLOAT, ['size', 'size']),
        ],
        output: [makeValueInfo('products', DataType.FLOAT, ['count', 'size'])],
        node: [makeNode({ opType: 'MatMul', input: ['rows', 'matrix'], output: ['products'] })],
      }),
      { opset: 17, irVersion: 8 },
    );
    return new RuntimeMultiply(await runtime.openModel(model, { optimization: 'simulate' }));
  }

  readonly multiply: Multiply = async (rows, matrix) => {
    const { size } = matrix;
    if (rows.length * size < SMALL) return multiplyHere(rows, matrix);
    const count = rows.length / size;
    const perRun = Math.max(1, Math.floor(RUN_BYTES / (4 * size)));
    const products = new Float32Array(rows.length);
    const values = this.floatsOf(matrix);
    for (let from = 0; from < count; from += perRun) {
      const part = rows.subarray(from * size, Math.min(count, from + perRun) * size);
      const result = await this.session.run({
        rows: { type: 'float32', dims: [part.length / size, size], data: part },
        matrix: { type: 'float32', dims: [size, size], data: values },
      });
      products.set(result['products']?.data as Float32Array, from * size);
    }
    return products;
  };

  release(): Promise<void> {
    return this.session.release();
  }

  private floatsOf(matrix: SquareMatrix): Float32Array {
    const { values } = matrix;
    if (values instanceof Float32Array) return values;
    const known = this.known.get(matrix) ?? Float32Array.from(values);
    this.known.set(matrix, known);
    return known;
  }
}
