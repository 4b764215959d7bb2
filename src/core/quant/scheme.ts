/** The words of a plan (design.md section 1). Part I of the product knows w8a8, float and auto. */
export type SchemeId = 'w8a8' | 'float' | 'auto';

export type ActivationType = 'uint8' | 'int8';

/** How an activation range is chosen from statistics: `percentile` carries its p. */
export type ActivationRangeRule = 'auto' | 'max' | 'mse' | `percentile:${number}`;

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Linear quantization of real x: q = clip(round(x / scale) + zeroPoint). */
export interface QuantParams {
  readonly scale: number;
  readonly zeroPoint: number;
}

export type IntegerTypeName = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint4' | 'int4';
