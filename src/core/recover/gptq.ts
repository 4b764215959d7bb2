import { throwIfCancelled } from '../errors';
import { forEachColumn, type MatrixView } from '../calibrate/weightMatrix';
import type { Work } from '../ports';
import type { WeightGrid } from '../quant/weightGrid';
import type { Compute } from './compute';
import type { Factor } from './factor';
import { dot } from './products';

/** Elements that are rounded before what their errors do to later ones becomes a product of matrices. */
const BLOCK = 32;
/** Of the errors of columns that are rounded together. */
const MOST_ERRORS = 2 ** 22;

/**
 * GPTQ (Frantar et al. 2022, arXiv:2210.17323): rounds the elements of each column one after another to the grid, each after
 * it has taken over what the errors of those before it do to the output. Elements whose input is always 0 become 0.
 *
 * With H = R·Rᵀ (`Factor`) this is Babai's nearest plane: q_j = Q(w_j − Σ_{i<j} (q_i − w_i)·R_ij / R_jj), w always as given.
 * Elements are divided in halves; what the errors of the first do to the second is one product of matrices.
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
    const together = Math.max(1, Math.floor(MOST_ERRORS / view.depth));
    for (let from = 0; from < all.length; from += together) {
      const some = all.slice(from, from + together);
      await new Rows(weights, codes, view, grid, factor, some, compute).round(work);
    }
  }
  return codes;
}

/** Columns of the weight that are rounded together: rows of one matrix. */
class Rows {
  /** q − w of each element that was rounded: [rows, depth], in the order of the factor. */
  private readonly errors: Float64Array;
  /** −Σ (q − w)·R over elements of other blocks: [rows, depth]. */
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
    this.sums = new Float64Array(starts.length * factor.depth);
  }

  async round(work: Work | undefined, from = 0, width = this.factor.depth): Promise<void> {
    throwIfCancelled(work?.signal);
    if (width <= BLOCK) {
      for (let row = 0; row < this.starts.length; row++) this.roundRow(row, from, width);
      return;
    }
    const half = BLOCK * Math.ceil(width / BLOCK / 2);
    const next = from + half;
    await this.round(work, from, half);
    const { sums, errors, starts, compute } = this;
    const { depth, values } = this.factor;
    await compute.subtractProducts(
      { values: sums, start: next, step: depth },
      { values: errors, start: from, step: depth },
      { values, start: next * depth + from, step: depth },
      starts.length,
      width - half,
      half,
    );
    await this.round(work, next, width - half);
  }

  private roundRow(row: number, from: number, width: number): void {
    const { weights, codes, grid, errors, sums } = this;
    const { depth, values, order, dead } = this.factor;
    const { depthStep } = this.view;
    const start = this.starts[row] as number;
    const base = row * depth + from;
    for (let i = 0; i < width; i++) {
      const element = order[from + i] as number;
      const at = start + element * depthStep;
      const factorAt = (from + i) * depth + from;
      const weight = dead[element] ? 0 : (weights[at] as number);
      const sum = sums[base + i] as number;
      const wanted =
        weight + (sum - dot(errors, base, values, factorAt, i)) / (values[factorAt + i] as number);
      const code = grid.codeOf(at, wanted);
      codes[at] = code;
      errors[base + i] = grid.valueOf(at, code) - weight;
    }
  }
}
