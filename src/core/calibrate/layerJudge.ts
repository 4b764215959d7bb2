import type { CancelSignal } from '../ports';
import { computeQuantParams } from '../quant/affine';
import { integerCodes, integerValues } from '../quant/integerWeight';
import { tensorLayout } from '../quant/layouts';
import type { Range, StaticType } from '../quant/scheme';
import { layerError, type LayerError, type LayerErrors } from './layerError';
import type { LayerRows } from './layerRows';
import { asMatrices, packedView } from './weightMatrix';

/** Judges formats of one layer by the error at its output, on the rows in `judge`. */
export class LayerJudge {
  private constructor(
    private readonly errors: LayerErrors,
    readonly rows: LayerRows,
    private readonly weight: Float32Array,
    private readonly signals: Float64Array,
  ) {}

  /** @param weight in the order of the stored tensor. */
  static async of(
    errors: LayerErrors,
    rows: LayerRows,
    weight: Float32Array,
    signal?: CancelSignal,
  ): Promise<LayerJudge> {
    const signals = await errors.columnEnergies(rows.judge, rows.view, weight, signal);
    return new LayerJudge(errors, rows, weight, signals);
  }

  /** What replacing the weight by `values` loses. @throws CancelledError */
  async error(values: Float32Array, signal?: CancelSignal): Promise<LayerError> {
    const difference = this.weight.map((value, i) => value - (values[i] ?? 0));
    const { judge, view } = this.rows;
    return layerError(this.signals, await this.errors.columnEnergies(judge, view, difference, signal));
  }

  /**
   * What replacing the weight by `values` and rounding the input to `type`, over its extremes in all rows, lose together.
   * @throws CancelledError
   */
  async staticError(values: Float32Array, type: StaticType, signal?: CancelSignal): Promise<LayerError> {
    const { fit, judge, view } = this.rows;
    const rounded = roundedTo(judge.values, extremesOf(fit.values, judge.values), type);
    // Q(x)·w' − x·w as one product: (Q(x), x)·(w', −w).
    const { groups, columns, depth } = view;
    const negative = asMatrices(this.weight, view).map((value) => -value);
    const rows = { rows: judge.rows, values: interleaved(rounded, judge.values, depth) };
    const matrices = interleaved(asMatrices(values, view), negative, depth);
    const doubled = packedView(groups, columns, 2 * depth);
    return layerError(this.signals, await this.errors.columnEnergies(rows, doubled, matrices, signal));
  }
}

/** What 8- or 16-bit codes of one scale for `range` stand for. */
function roundedTo(values: Float32Array, range: Range, type: StaticType): Float32Array {
  const { scale, zeroPoint } = computeQuantParams(range, type, { symmetric: false });
  const params = { scales: Float32Array.of(scale), zeroPoints: Int32Array.of(zeroPoint) };
  const layout = tensorLayout([values.length]);
  return integerValues(integerCodes(values, layout, params, type), layout, params);
}

function extremesOf(...parts: readonly Float32Array[]): Range {
  let [min, max] = [0, 0];
  for (const values of parts) {
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { min, max };
}

/** `depth` elements of `a`, then `depth` of `b`, and so on. */
function interleaved(a: Float32Array, b: Float32Array, depth: number): Float32Array {
  const both = new Float32Array(2 * a.length);
  for (let start = 0; start < a.length; start += depth) {
    both.set(a.subarray(start, start + depth), 2 * start);
    both.set(b.subarray(start, start + depth), 2 * start + depth);
  }
  return both;
}
