import { isCodebookScheme } from '../core/quant/scheme';
import type { QuantizedLayer } from '../core/results';

type Words = Pick<
  QuantizedLayer,
  'scheme' | 'bits' | 'signed' | 'granularity' | 'blockSize' | 'entries' | 'bias'
>;

/** The format of a weight in words: `int4 blocked (32)`, `16 values per-group (4), bias u4`. Empty for float. */
export function weightText({ scheme, bits, signed, granularity, blockSize, entries, bias }: Words): string {
  if (scheme === 'float') return '';
  const size = blockSize === undefined ? '' : ` (${blockSize})`;
  const other = bias === undefined || ['float', 'int32'].includes(bias) ? '' : `, bias ${bias}`;
  return `${typeText(scheme, bits, signed, entries)} ${granularity}${size}${other}`;
}

function typeText(scheme: string, bits: number, signed: boolean, entries: number | undefined): string {
  if (scheme === 'fp16') return 'float16';
  if (isCodebookScheme(scheme)) return `${entries ?? 2 ** bits} values`;
  return `${signed ? 'int' : 'uint'}${bits}`;
}
