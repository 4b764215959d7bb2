import { fitCodebook } from './codebook';
import { integerGrid, powersOfTwoGrid, tableGrid, uniformGrid, type GridFamily } from './errorGrid';
import { extremesOf } from './extremes';
import type { LayerFormat } from './layerFormat';
import { tensorLayout } from './layouts';
import { codeRange } from './integerTypes';
import { codebookKind, type IntegerTypeName } from './scheme';
import { leastErrorScale } from './weightSearch';

/** What an integer format says of its codes, every option decided. */
export interface IntegerFormat {
  readonly type: IntegerTypeName;
  readonly symmetric: boolean;
  readonly reduceRange: boolean;
}

/** The codes of an integer weight; undefined for formats of another kind. */
export function integerFormat({
  scheme,
  signed = true,
  symmetric,
  reduceRange = false,
}: LayerFormat): IntegerFormat | undefined {
  if (scheme !== 'w4' && scheme !== 'w8' && scheme !== 'w8a8' && scheme !== 'w8a16') return undefined;
  return {
    type: `${signed ? 'int' : 'uint'}${scheme === 'w4' ? 4 : 8}`,
    // As ONNX Runtime's tool: unsigned weights have a zero point of their own.
    symmetric: symmetric ?? signed,
    reduceRange,
  };
}

/**
 * The grid that a format has for values with one range in common: a tensor, a channel or a block.
 * - Integers: what `fixed:a` gives in place of the format's own range rule.
 * - uN: evenly spaced over what of ±a lies within the extremes.
 * - k-means: the table of the values, stretched by a over its greatest magnitude.
 * - Powers of two: the table of a range of ±a.
 * @returns undefined for formats that have no range to choose (float, fp16), and where all values are zero.
 * @throws InputError when a value is not finite.
 */
export function formatGrid(format: LayerFormat, values: Float32Array): GridFamily | undefined {
  const integer = integerFormat(format);
  if (integer)
    return { ...integerGrid(integer.type, integer), ...(integer.symmetric && { mse: mseOf(integer) }) };
  const kind = codebookKind(format.scheme);
  if (!kind || values.every((value) => value === 0)) return undefined;
  switch (kind.kind) {
    case 'powers of two':
      return powersOfTwoGrid(kind.magnitudes);
    case 'uniform': {
      return uniformGrid(kind.entries, extremesOf(values));
    }
    case 'k-means': {
      const [table] = fitCodebook(values, tensorLayout([values.length]), kind, { scaled: false }).codebooks;
      return table && tableGrid(table.values);
    }
  }
}

/** `leastErrorScale` as a threshold of `integerGrid`. */
function mseOf({ type, reduceRange }: IntegerFormat): NonNullable<GridFamily['mse']> {
  const [low, high] = codeRange(type, { symmetric: true, reduceRange });
  const thresholdOf = (scale: number): number => (scale * (high - low)) / 2;
  return ({ max, count, errorAt }) => {
    const errorWith = (scale: number): number => {
      const { clipping, rounding } = errorAt(thresholdOf(scale));
      return clipping + rounding;
    };
    return thresholdOf(leastErrorScale({ max, count, errorWith }, type, { reduceRange }));
  };
}
