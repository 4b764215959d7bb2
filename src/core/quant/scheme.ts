/** Schemes that are one word. */
const wordSchemes = ['w8a8', 'w8a16', 'w8', 'w4', 'fp16', 'float'] as const;

/**
 * Schemes that store a weight as indices into a table of float32 values (weight only: no data, no speed-up):
 * - `uN`, N = 1…8: 2^N values, evenly spaced from the least to the greatest weight.
 * - `lutK`, K = 2…256: the K values with the least squared error (k-means).
 * - `pow2-b`, b = 2…5: zero and 2^(b−1)/2 powers of two of either sign. `pow2-15`: zero and 7 of either sign, 15 in all.
 */
export type CodebookScheme = `u${number}` | `lut${number}` | `pow2-${number}`;

/**
 * How a layer is quantized.
 * - `w8a8`: static: int8 weight, calibrated 8-bit activations.
 * - `w8a16`: the same with 16-bit activations, which the runtime has no integer kernels for: precise, no speed-up.
 * - `w8`, `w4`: 8- or 4-bit integer weight only. Needs no data; the runtime computes in float, so it is a smaller file but
 *   not faster.
 * - `fp16`: half-precision weight.
 * - `float`: left as it is.
 * - or a codebook.
 */
export type LayerScheme = (typeof wordSchemes)[number] | CodebookScheme;

/** The words of a plan. `auto`, for nodes without a weight: quantized when their inputs are. */
export type SchemeId = LayerScheme | 'auto';

/** What the table of a codebook scheme holds. */
export type CodebookKind =
  | { readonly kind: 'uniform'; readonly entries: number }
  | { readonly kind: 'k-means'; readonly entries: number }
  /** Zero and `magnitudes` powers of two of either sign. */
  | { readonly kind: 'powers of two'; readonly entries: number; readonly magnitudes: number };

/** Every form that `parseScheme` takes, for help and messages. */
export const schemeForms =
  'w8a8, w8a16, w8, w4, fp16, u1 to u8, lut2 to lut256, pow2-2 to pow2-5, pow2-15 or float';

/** The scheme that `text` names; undefined when there is none. */
export function parseScheme(text: string): LayerScheme | undefined {
  return wordSchemes.find((word) => word === text) ?? (isCodebookScheme(text) ? text : undefined);
}

export function isCodebookScheme(text: string): text is CodebookScheme {
  return codebookKind(text) !== undefined;
}

/** The table that a codebook scheme asks for; undefined for other schemes. */
export function codebookKind(scheme: string): CodebookKind | undefined {
  const [, family, digits = ''] = /^(u|lut|pow2-)([1-9]\d{0,2})$/.exec(scheme) ?? [];
  const size = Number(digits);
  switch (family) {
    case 'u':
      return size <= 8 ? { kind: 'uniform', entries: 2 ** size } : undefined;
    case 'lut':
      return size >= 2 && size <= 256 ? { kind: 'k-means', entries: size } : undefined;
    case 'pow2-': {
      if (size !== 15 && (size < 2 || size > 5)) return undefined;
      const magnitudes = size === 15 ? 7 : 2 ** (size - 1) / 2;
      return { kind: 'powers of two', entries: 2 * magnitudes + 1, magnitudes };
    }
    default:
      return undefined;
  }
}

/** Of 8-bit activations; 16-bit ones have the same signedness. */
export type ActivationType = 'uint8' | 'int8';

/** Element types of quantized activations. */
export type StaticType = ActivationType | 'uint16' | 'int16';

/**
 * How an activation range is chosen from statistics.
 * - `max`: the extremes; `average`: the mean over the samples of each sample's extremes.
 * - `percentile:P`, `mse`, `entropy`, `aciq`: see ranges.ts.
 * - `auto`: the best of several by the model's output.
 */
export type ActivationRangeRule =
  'auto' | 'max' | 'average' | 'mse' | 'entropy' | 'aciq' | `percentile:${number}`;

const rangeWords: readonly string[] = ['auto', 'max', 'average', 'mse', 'entropy', 'aciq'];

/** True for a rule; a percentile must be above 50 and at most 100. */
export function isActivationRange(text: string): text is ActivationRangeRule {
  const percent = Number(/^percentile:(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
  return rangeWords.includes(text) || (percent > 50 && percent <= 100);
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Of an activation: for 8-bit codes, and for 16-bit ones where that is another (they pay for clipping, hardly for width). */
export interface ActivationRange extends Range {
  readonly wide?: Range;
}

/** Linear quantization of real x: q = clip(round(x / scale) + zeroPoint). */
export interface QuantParams {
  readonly scale: number;
  readonly zeroPoint: number;
}

export type IntegerTypeName = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint4' | 'int4';
