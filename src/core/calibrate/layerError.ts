import { makeGraph, makeModel, makeNode, makeValueInfo } from '../onnx/build';
import { DataType, type Model } from '../onnx/types';
import { throwIfCancelled } from '../errors';
import type { CancelSignal, Runtime, RuntimeTensor, Session } from '../ports';
import type { RowBlock } from './layerRows';
import { asMatrices, type MatrixView } from './weightMatrix';

/** Bytes of the products that one run computes; wider layers take several. */
const PRODUCT_BYTES = 64 * 2 ** 20;

/** What a replacement weight does to a layer's output, without its bias, over some of its input rows. */
export interface LayerError {
  /** Σ (x·w)² and Σ (x·(w − w'))² over all rows and columns. */
  readonly signal: number;
  readonly noise: number;
  /** noise / signal. NaN when rows or weights are not finite. */
  readonly nmse: number;
  /** 10·log10(signal / noise); null without noise or signal. */
  readonly sqnrDb: number | null;
}

/** Multiplies rows of inputs by weights in the runtime. Open it once, use it for every layer, release it. */
export class LayerErrors {
  private constructor(private readonly session: Session) {}

  static async open(runtime: Runtime): Promise<LayerErrors> {
    return new LayerErrors(await runtime.openModel(energyModel(), { optimization: 'full' }));
  }

  release(): Promise<void> {
    return this.session.release();
  }

  /**
   * E_c = Σ over rows of (Σ_k x_k · w_ck)², per output column: [groups · columns].
   * @param values in the order of the stored tensor.
   * @throws CancelledError
   */
  async columnEnergies(
    { rows, values: x }: RowBlock,
    view: MatrixView,
    values: Float32Array,
    signal?: CancelSignal,
  ): Promise<Float64Array> {
    const { groups, columns, depth } = view;
    const matrices = asMatrices(values, view);
    const energies = new Float64Array(groups * columns);
    const groupsPerRun = Math.max(1, Math.min(groups, Math.floor(PRODUCT_BYTES / (4 * rows * columns))));
    const columnsPerRun = Math.max(1, Math.min(columns, Math.floor(PRODUCT_BYTES / (4 * rows))));
    for (let group = 0; group < groups; group += groupsPerRun) {
      const count = Math.min(groupsPerRun, groups - group);
      const part = x.subarray(group * rows * depth, (group + count) * rows * depth);
      // Either several groups of all columns, or some columns of one group: both stand together in memory.
      for (let column = 0; column < columns; column += columnsPerRun) {
        throwIfCancelled(signal);
        const width = Math.min(columnsPerRun, columns - column);
        const first = group * columns + column;
        const slice = matrices.subarray(first * depth, (first + count * width) * depth);
        const { energies: result } = await this.session.run({
          rows: floats(part, [count, rows, depth]),
          weight: floats(slice, [count, width, depth]),
        });
        energies.set(result?.data as Float32Array, first);
      }
    }
    return energies;
  }
}

/** @param signals energies per column of the weight; `noises`: of the difference. */
export function layerError(signals: Float64Array, noises: Float64Array): LayerError {
  const sum = (energies: Float64Array) => energies.reduce((total, energy) => total + energy, 0);
  const [signal, noise] = [sum(signals), sum(noises)];
  return {
    signal,
    noise,
    nmse: noise === 0 ? 0 : noise / signal,
    sqnrDb: noise > 0 && signal > 0 ? 10 * Math.log10(signal / noise) : null,
  };
}

function floats(data: Float32Array, dims: readonly number[]): RuntimeTensor {
  return { type: 'float32', dims, data };
}

/** rows [g, r, k], weight [g, c, k] → energies [g, c]: the sums over r of the squares of rows · weightᵀ. */
function energyModel(): Model {
  const input = (name: string, second: string) => makeValueInfo(name, DataType.FLOAT, ['g', second, 'k']);
  return makeModel(
    makeGraph({
      input: [input('rows', 'r'), input('weight', 'c')],
      output: [makeValueInfo('energies', DataType.FLOAT, ['g', 'c'])],
      node: [
        makeNode({
          opType: 'Transpose',
          input: ['weight'],
          output: ['columns'],
          attributes: { perm: { ints: [0, 2, 1] } },
        }),
        makeNode({ opType: 'MatMul', input: ['rows', 'columns'], output: ['products'] }),
        makeNode({
          opType: 'ReduceSumSquare',
          input: ['products'],
          output: ['energies'],
          attributes: { axes: { ints: [1] }, keepdims: { int: 0 } },
        }),
      ],
    }),
    { opset: 17, irVersion: 8 },
  );
}
