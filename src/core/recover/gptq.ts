import { throwIfCancelled } from '../errors';
import { forEachColumn, type MatrixView } from '../calibrate/weightMatrix';
import type { Work } from '../ports';
import type { WeightGrid } from '../quant/weightGrid';
import type { Compute } from './compute';
import type { Factor } from './factor';
import { dot, type Panel } from './products';

/** Elements that are rounded before their errors reach those behind them. */
const BLOCK = 128;
/** Columns that are rounded together: a row of 4,608 errors each. */
const MOST_COLUMNS = 4096;

/**
 * GPTQ (Frantar et al. 2022, arXiv:2210.17323): rounds the elements of each column one after another to the grid, each after
 * it has taken over what the errors of those before it do to the output. Elements whose input is always 0 become 0.
 *
 * With H = R·Rᵀ (`Factor`) this is Babai's nearest plane: q_j = Q(w_j − Σ_{i<j} (q_i − w_i)·R_ij / R_jj), w always as given.
 * All sums up to a block of 128 elements are one product of matrices.
 * @param weights in the order of the stored tensor: those wanted, such as of `floatTarget`.
 * @param factors of each group.
 * @returns codes in the order of the stored tensor.
 */
export async function roundGptq(
  weights: Float32Array,
  view: MatrixView,
  grid: WeightGrid,
  factors: readonly Factor[],
  compute: Compute,
  work?: Work,
): Promise<Int16Array> {
  const codes = new Int16Array(weights.length);
  const starts: number[][] = factors.map(() => []);
  forEachColumn(view, (start, _column, group) => starts[group]?.push(start));
  for (const [group, factor] of factors.entries()) {
    const all = starts[group] ?? [];
    for (let from = 0; from < all.length; from += MOST_COLUMNS) {
      const some = all.slice(from, from + MOST_COLUMNS);
      await new Rows(weights, codes, view, grid, factor, some, compute).round(work);
    }
  }
  return codes;
}

/** Columns of the weight that are rounded together: rows of one matrix. */
class Rows {
  /** q − w of each element that was rounded: [rows, depth], in the order of the factor. */
  private readonly errors: Float64Array;
  /** −Σ (q − w)·R of one block: [rows, BLOCK]. */
  private readonly sums: Float64Array;

  constructor(
    private readonly weights: Float32Array,
    private readonly codes: Int16Array,
    private readonly view: MatrixView,
    private readonly grid: WeightGrid,
    private readonly factor: Factor,
    private readonly starts: readonly number[],
    private readonly compute: Compute,
  ) {
    this.errors = new Float64Array(starts.length * factor.depth);
    this.sums = new Float64Array(starts.length * BLOCK);
  }

  async round(work: Work | undefined): Promise<void> {
    const { depth } = this.factor;
    for (let from = 0; from < depth; from += BLOCK) {
      throwIfCancelled(work?.signal);
      const width = Math.min(BLOCK, depth - from);
      if (from > 0) await this.addErrors(from, width);
      for (let row = 0; row < this.starts.length; row++) this.roundRow(row, from, width);
    }
  }

  /** What the errors of all elements before `from` do to the next ones. */
  private async addErrors(from: number, width: number): Promise<void> {
    const { sums, errors, compute } = this;
    const { depth, values } = this.factor;
    sums.fill(0);
    const target: Panel = { values: sums, start: 0, step: BLOCK };
    const a: Panel = { values: errors, start: 0, step: depth };
    const b: Panel = { values, start: from * depth, step: depth };
    await compute.subtractProducts(target, a, b, this.starts.length, width, from);
  }

  private roundRow(row: number, from: number, width: number): void {
    const { weights, codes, grid, errors, sums } = this;
    const { depth, values, order, dead } = this.factor;
    const { depthStep } = this.view;
    const start = this.starts[row] as number;
    const base = row * depth + from;
    const sumsAt = row * BLOCK;
    for (let i = 0; i < width; i++) {
      const element = order[from + i] as number;
      const at = start + element * depthStep;
      const factorAt = (from + i) * depth + from;
      const weight = dead[element] ? 0 : (weights[at] as number);
      const sum = from > 0 ? (sums[sumsAt + i] as number) : 0;
      const wanted =
        weight + (sum - dot(errors, base, values, factorAt, i)) / (values[factorAt + i] as number);
      const code = grid.codeOf(at, wanted);
      codes[at] = code;
      errors[base + i] = grid.valueOf(at, code) - weight;
    }
  }
}
