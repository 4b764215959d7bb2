import { isCodebookScheme } from '../core/quant/scheme';
import type { QuantizedLayer } from '../core/results';

type Words = Pick<
  QuantizedLayer,
  'scheme' | 'bits' | 'signed' | 'granularity' | 'blockSize' | 'entries' | 'exponents' | 'rounding' | 'bias'
>;

/**
 * The format of a weight in words: `int4 blocked (32)`, `16 values per-group (4), bias u4`,
 * `17 values ±2^-9…2^-2 per-tensor, inq`. Empty for float.
 */
export function weightText({ scheme, bits, signed, exponents, ...words }: Words): string {
  const { granularity, blockSize, entries, rounding, bias } = words;
  if (scheme === 'float') return '';
  const size = blockSize === undefined ? '' : ` (${blockSize})`;
  const chosen = rounding === undefined ? '' : `, ${rounding}`;
  const other = bias === undefined || ['float', 'int32'].includes(bias) ? '' : `, bias ${bias}`;
  const type = `${typeText(scheme, bits, signed, entries)}${exponentsText(exponents)}`;
  return `${type} ${granularity}${size}${chosen}${other}`;
}

/** The powers of two of a table follow each other without a gap. */
function exponentsText(exponents: readonly number[] | undefined): string {
  const [first, last] = [exponents?.at(0), exponents?.at(-1)];
  return first === undefined || last === undefined ? '' : ` ±2^${first}…2^${last}`;
}

function typeText(scheme: string, bits: number, signed: boolean, entries: number | undefined): string {
  if (scheme === 'fp16') return 'float16';
  if (isCodebookScheme(scheme)) return `${entries ?? 2 ** bits} values`;
  return `${signed ? 'int' : 'uint'}${bits}`;
}
