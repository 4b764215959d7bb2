/** Floating-point formats below 32 bits, to and from numbers. Bit layouts as in the ONNX specification. */

interface FloatFormat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /**
   * What the codes beyond the finite numbers mean. `ieee`: the top exponent is infinity and NaN; `fn`: only all ones
   * is NaN; `fnuz`: the code of negative zero is NaN; `none`: every code is a number.
   */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
}

const formats = {
  float16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' },
  bfloat16: { exponentBits: 8, mantissaBits: 7, bias: 127, special: 'ieee' },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'fnuz' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'fnuz' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
} as const satisfies Record<string, FloatFormat>;

export type SmallFloat = keyof typeof formats;

const tables = new Map<SmallFloat, Float32Array>();

/** The value of every code of a format: at most 65,536 entries, made once. */
export function decodeTable(name: SmallFloat): Float32Array {
  const known = tables.get(name);
  if (known) return known;
  const format: FloatFormat = formats[name];
  const bits = 1 + format.exponentBits + format.mantissaBits;
  const table = Float32Array.from({ length: 2 ** bits }, (_, code) => decodeCode(code, format));
  tables.set(name, table);
  return table;
}

function decodeCode(code: number, { exponentBits, mantissaBits, bias, special }: FloatFormat): number {
  const topExponent = 2 ** exponentBits - 1;
  const mantissa = code & (2 ** mantissaBits - 1);
  const exponent = (code >> mantissaBits) & topExponent;
  const negative = code >> (mantissaBits + exponentBits) === 1;
  if (special === 'fnuz' && negative && exponent === 0 && mantissa === 0) return NaN;
  if (special === 'ieee' && exponent === topExponent) {
    if (mantissa !== 0) return NaN;
    return negative ? -Infinity : Infinity;
  }
  if (special === 'fn' && exponent === topExponent && mantissa === 2 ** mantissaBits - 1) return NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  const size = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  return negative ? -size : size;
}

/** float8e8m0: a power of two without sign; 255 is NaN. */
export function decodeFloat8E8M0(code: number): number {
  return code === 255 ? NaN : 2 ** (code - 127);
}

const float32 = new Float32Array(1);
const float32Bits = new Uint32Array(float32.buffer);

/** The bits of the nearest float16, ties to even; values from 65,520 on become infinity. */
export function encodeFloat16(value: number): number {
  float32[0] = value;
  const bits = float32Bits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Normal: drop 13 bits with ties to even, and move the exponent bias from 127 to 15.
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal: units of 2^-24. The scaled value is exact, so only one rounding happens.
  const units = Math.abs(float32[0]) * 2 ** 24;
  const floor = Math.floor(units);
  const rest = units - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return sign | (floor + (up ? 1 : 0));
}

/** float16 bits as float32 values. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  const table = decodeTable('float16');
  return Float32Array.from(bits, (code) => table[code] ?? NaN);
}
