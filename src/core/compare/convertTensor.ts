import { asFloats } from '../calibrate/floats';
import type { RuntimeTensor } from '../ports';
import { integerType, makeCodes } from '../quant/integerTypes';
import type { CodeFormat } from './graphSide';

/** Real numbers as codes, rounded as QuantizeLinear does; undefined for a tensor of no real numbers. */
export function asCodes(
  tensor: RuntimeTensor,
  { type, scale, zeroPoint }: CodeFormat,
): RuntimeTensor | undefined {
  const values = asFloats(tensor);
  if (!values) return undefined;
  const { min, max } = integerType(type);
  const data = makeCodes(type, values.length);
  for (let i = 0; i < values.length; i++) {
    const code = halfToEven((values[i] as number) / scale) + zeroPoint;
    data[i] = Math.min(max, Math.max(min, code));
  }
  return { type, dims: tensor.dims, data };
}

/** The real numbers that codes stand for. */
export function fromCodes(codes: ArrayLike<number>, { scale, zeroPoint }: CodeFormat): Float32Array {
  return Float32Array.from(codes, (code) => (code - zeroPoint) * scale);
}

function halfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest > 0.5 ? floor + 1 : floor;
}
