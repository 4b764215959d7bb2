/** A rectangle within a row-major array: element (row, column) stands at start + row · step + column. */
export interface Panel {
  readonly values: Float64Array;
  readonly start: number;
  readonly step: number;
}

/** Terms that are added up at once, and rows of `b` that they are added up for: these stay in the cache of the second level. */
const CHUNK = 256;
const STRIP = 96;
/** Columns of a triangle up to which tiles do not pay. */
const LEAST_DIVIDED = 16;

/**
 * target −= a · bᵀ, with `a` [rows, depth], `b` [columns, depth] and `target` [rows, columns], which overlaps neither.
 * Tiles of 3 × 4 sums stay in registers: 3 · 10⁹ products a second, four times as many as one sum at a time.
 */
export function subtractProducts(
  target: Panel,
  a: Panel,
  b: Panel,
  rows: number,
  columns: number,
  depth: number,
): void {
  for (let from = 0; from < depth; from += CHUNK) {
    const count = Math.min(CHUNK, depth - from);
    const left = moved(a, 0, from);
    for (let column = 0; column < columns; column += STRIP) {
      const width = Math.min(STRIP, columns - column);
      subtractStrip(moved(target, 0, column), left, moved(b, column, from), rows, width, count);
    }
  }
}

function subtractStrip(
  target: Panel,
  a: Panel,
  b: Panel,
  rows: number,
  columns: number,
  depth: number,
): void {
  const tiledRows = rows - (rows % 3);
  const tiledColumns = columns - (columns % 4);
  subtractTiles(target, a, b, tiledRows, tiledColumns, depth);
  subtractDots(target, a, b, 0, rows, tiledColumns, columns, depth);
  subtractDots(target, a, b, tiledRows, rows, 0, tiledColumns, depth);
}

/** The panel that begins at an element of this one. */
export function moved({ values, start, step }: Panel, row: number, column: number): Panel {
  return { values, start: start + row * step + column, step };
}

/** @param rows a multiple of 3. @param columns a multiple of 4. */
function subtractTiles(
  target: Panel,
  a: Panel,
  b: Panel,
  rows: number,
  columns: number,
  depth: number,
): void {
  const { values: sums, step } = target;
  const { values: left } = a;
  const { values: right } = b;
  for (let row = 0; row < rows; row += 3) {
    const a0 = a.start + row * a.step;
    const a1 = a0 + a.step;
    const a2 = a1 + a.step;
    for (let column = 0; column < columns; column += 4) {
      const b0 = b.start + column * b.step;
      const b1 = b0 + b.step;
      const b2 = b1 + b.step;
      const b3 = b2 + b.step;
      let [s00, s01, s02, s03] = [0, 0, 0, 0];
      let [s10, s11, s12, s13] = [0, 0, 0, 0];
      let [s20, s21, s22, s23] = [0, 0, 0, 0];
      for (let k = 0; k < depth; k++) {
        const y0 = right[b0 + k] as number;
        const y1 = right[b1 + k] as number;
        const y2 = right[b2 + k] as number;
        const y3 = right[b3 + k] as number;
        const x0 = left[a0 + k] as number;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s03 += x0 * y3;
        const x1 = left[a1 + k] as number;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s13 += x1 * y3;
        const x2 = left[a2 + k] as number;
        s20 += x2 * y0;
        s21 += x2 * y1;
        s22 += x2 * y2;
        s23 += x2 * y3;
      }
      subtractFour(sums, target.start + row * step + column, s00, s01, s02, s03);
      subtractFour(sums, target.start + (row + 1) * step + column, s10, s11, s12, s13);
      subtractFour(sums, target.start + (row + 2) * step + column, s20, s21, s22, s23);
    }
  }
}

function subtractFour(sums: Float64Array, at: number, s0: number, s1: number, s2: number, s3: number): void {
  sums[at] = (sums[at] as number) - s0;
  sums[at + 1] = (sums[at + 1] as number) - s1;
  sums[at + 2] = (sums[at + 2] as number) - s2;
  sums[at + 3] = (sums[at + 3] as number) - s3;
}

function subtractDots(
  target: Panel,
  a: Panel,
  b: Panel,
  fromRow: number,
  toRow: number,
  fromColumn: number,
  toColumn: number,
  depth: number,
): void {
  for (let row = fromRow; row < toRow; row++) {
    for (let column = fromColumn; column < toColumn; column++) {
      const at = target.start + row * target.step + column;
      const sum = dot(a.values, a.start + row * a.step, b.values, b.start + column * b.step, depth);
      target.values[at] = (target.values[at] as number) - sum;
    }
  }
}

/** Σ a[aFrom + k] · b[bFrom + k] for k < count. */
export function dot(a: Float64Array, aFrom: number, b: Float64Array, bFrom: number, count: number): number {
  let even = 0;
  let odd = 0;
  const pairs = count - (count % 2);
  for (let k = 0; k < pairs; k += 2) {
    even += (a[aFrom + k] as number) * (b[bFrom + k] as number);
    odd += (a[aFrom + k + 1] as number) * (b[bFrom + k + 1] as number);
  }
  return pairs < count
    ? even + odd + (a[aFrom + pairs] as number) * (b[bFrom + pairs] as number)
    : even + odd;
}

/** rows ← rows · L⁻ᵀ with the lower triangle L [width, width]: each row x is replaced by the solution of L·y = x. */
export function solveRows(rows: Panel, triangle: Panel, count: number, width: number): void {
  if (width > LEAST_DIVIDED) {
    const half = 4 * Math.ceil(width / 8);
    const rest = moved(rows, 0, half);
    solveRows(rows, triangle, count, half);
    subtractProducts(rest, rows, moved(triangle, half, 0), count, width - half, half);
    solveRows(rest, moved(triangle, half, half), count, width - half);
    return;
  }
  const { values, step } = triangle;
  for (let row = 0; row < count; row++) {
    const at = rows.start + row * rows.step;
    for (let column = 0; column < width; column++) {
      const other = triangle.start + column * step;
      const rest = (rows.values[at + column] as number) - dot(rows.values, at, values, other, column);
      rows.values[at + column] = rest / (values[other + column] as number);
    }
  }
}

/** A copy of a panel [rows, columns] as [columns, rows]. */
export function transposed(
  { values, start, step }: { values: Float32Array | Float64Array; start: number; step: number },
  rows: number,
  columns: number,
): Panel {
  const flipped = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      flipped[column * rows + row] = values[start + row * step + column] as number;
    }
  }
  return { values: flipped, start: 0, step: rows };
}
