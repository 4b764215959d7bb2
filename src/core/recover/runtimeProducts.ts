import { makeGraph, makeModel, makeNode, makeValueInfo } from '../onnx/build';
import { DataType, type Model } from '../onnx/types';
import type { Runtime, Session } from '../ports';
import { computeHere, type Compute, type SubtractProducts } from './compute';
import { multiplyHere, type Multiply, type SquareMatrix } from './multiply';
import type { Panel } from './products';

/** Products below which a run takes longer than the arithmetic. */
const SMALL = 1e5;
/** The same where operands have to be copied, and double precision makes the order of sums matter less. */
const SMALL_DOUBLE = 1e6;
/** Of the rows of one run. */
const RUN_BYTES = 32 * 2 ** 20;

/**
 * Products of matrices in the runtime, which takes a tenth of the time that they take in JavaScript. Open it once, use it for
 * every layer, release it.
 */
export class RuntimeProducts implements Compute {
  /** As float32, for as long as the matrix is used. */
  private readonly known = new WeakMap<SquareMatrix, Float32Array>();
  private readonly left = new Packing();
  private readonly right = new Packing();

  private constructor(
    private readonly floats: Session,
    private readonly doubles: Session,
  ) {}

  static async open(runtime: Runtime): Promise<RuntimeProducts> {
    const floats = await runtime.openModel(productModel(DataType.FLOAT, false), { optimization: 'simulate' });
    try {
      const model = productModel(DataType.DOUBLE, true);
      return new RuntimeProducts(floats, await runtime.openModel(model, { optimization: 'simulate' }));
    } catch (error) {
      await floats.release();
      throw error;
    }
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
      const result = await this.floats.run({
        a: { type: 'float32', dims: [part.length / size, size], data: part },
        b: { type: 'float32', dims: [size, size], data: values },
      });
      products.set(result['product']?.data as Float32Array, from * size);
    }
    return products;
  };

  /** In double precision. */
  readonly subtractProducts: SubtractProducts = async (target, a, b, rows, columns, depth) => {
    if (rows * columns * depth < SMALL_DOUBLE)
      return computeHere.subtractProducts(target, a, b, rows, columns, depth);
    const right = this.right.packed(b, 0, columns, depth);
    const perRun = Math.max(1, Math.floor(RUN_BYTES / (8 * Math.max(depth, columns))));
    for (let from = 0; from < rows; from += perRun) {
      const count = Math.min(perRun, rows - from);
      const { product } = await this.doubles.run({
        a: { type: 'float64', dims: [count, depth], data: this.left.packed(a, from, count, depth) },
        b: { type: 'float64', dims: [columns, depth], data: right },
      });
      subtract(target, from, product?.data as Float64Array, count, columns);
    }
  };

  async release(): Promise<void> {
    await this.floats.release();
    await this.doubles.release();
  }

  private floatsOf(matrix: SquareMatrix): Float32Array {
    const { values } = matrix;
    if (values instanceof Float32Array) return values;
    const known = this.known.get(matrix) ?? Float32Array.from(values);
    this.known.set(matrix, known);
    return known;
  }
}

/** product = a · b, or a · bᵀ. */
function productModel(type: DataType, transposed: boolean): Model {
  return makeModel(
    makeGraph({
      name: 'product',
      input: [makeValueInfo('a', type, [null, null]), makeValueInfo('b', type, [null, null])],
      output: [makeValueInfo('product', type, [null, null])],
      node: [
        makeNode({
          opType: 'Gemm',
          input: ['a', 'b'],
          output: ['product'],
          attributes: { transB: { int: Number(transposed) } },
        }),
      ],
    }),
    { opset: 17, irVersion: 8 },
  );
}

/** Memory for one operand, used again and again: new arrays of this size keep the garbage collector busy. */
class Packing {
  private room = new Float64Array(0);

  /** Rows of a panel one after another, until the next call; the panel's own memory where they stand so. */
  packed({ values, start, step }: Panel, from: number, rows: number, columns: number): Float64Array {
    const first = start + from * step;
    const length = rows * columns;
    if (step === columns) return values.subarray(first, first + length);
    if (this.room.length < length) this.room = new Float64Array(length);
    for (let row = 0; row < rows; row++) {
      const at = first + row * step;
      this.room.set(values.subarray(at, at + columns), row * columns);
    }
    return this.room.subarray(0, length);
  }
}

function subtract(
  { values, start, step }: Panel,
  from: number,
  product: Float64Array,
  rows: number,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    const at = start + (from + row) * step;
    const own = row * columns;
    for (let column = 0; column < columns; column++) {
      values[at + column] = (values[at + column] as number) - (product[own + column] as number);
    }
  }
}
