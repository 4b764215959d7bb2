/** How a layer is quantized. */
export const layerSchemes = ['w8a8', 'w8', 'float'] as const;

/**
 * - `w8a8`: static: int8 weight, calibrated 8-bit activations.
 * - `w8`: int8 weight only. Needs no data; the runtime computes in float, so it is a smaller file but not faster.
 * - `float`: left as it is.
 */
export type LayerScheme = (typeof layerSchemes)[number];

/** The words of a plan. `auto`, for nodes without a weight: quantized when their inputs are. */
export type SchemeId = LayerScheme | 'auto';

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
