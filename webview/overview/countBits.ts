/** How many parameters the plan stores in how many bits. Pure. */
import { parseFormat } from '../../src/core/quant/layerFormat';
import { codebookKind } from '../../src/core/quant/scheme';
import type { ViewRow } from '../../src/shared/viewRpc';

export type NumberKind = 'float' | 'integer' | 'codebook' | 'constants';

export interface BitWidth {
  /** Of a number as the format has it: of a codebook those of an index. null: constants that are no weights. */
  readonly bits: number | null;
  readonly kind: NumberKind;
  readonly rows: number;
  /** Biases count with the weight of their layer. */
  readonly parameters: number;
  /** In the file as it is. */
  readonly before: number;
  /** In the written file, with scales and tables; null while it is not foretold. */
  readonly after: number | null;
}

/** The widest first, other constants last. What several rows share counts once. */
export function bitWidths(rows: readonly ViewRow[]): BitWidth[] {
  const found = new Map<string, BitWidth>();
  // A large model has few formats, and reading one takes longer than all the rest.
  const formats = new Map<string, Format | undefined>();
  const schemeFormatOnce = (text: string): Format | undefined => {
    if (!formats.has(text)) formats.set(text, schemeFormat(text));
    return formats.get(text);
  };
  for (const row of rows) {
    const parameters = row.parameters - (row.shared?.parameters ?? 0);
    if (parameters <= 0) continue;
    const format = formatOfRow(row, schemeFormatOnce);
    const key = `${format.kind} ${format.bits ?? ''}`;
    const known = found.get(key) ?? { ...format, rows: 0, parameters: 0, before: 0, after: 0 };
    const before = row.bytes - (row.shared?.bytes ?? 0);
    const after = bytesAfter(row, before);
    found.set(key, {
      ...known,
      rows: known.rows + 1,
      parameters: known.parameters + parameters,
      before: known.before + before,
      after: known.after === null || after === null ? null : known.after + after,
    });
  }
  return [...found.values()].sort((a, b) => (b.bits ?? 0) - (a.bits ?? 0) || (a.kind < b.kind ? -1 : 1));
}

function bytesAfter(
  { isLayer, quantizable, predicted, scheme, shared }: ViewRow,
  before: number,
): number | null {
  if (!isLayer || !quantizable || shared) return before;
  return predicted?.planned === scheme ? predicted.bytes : null;
}

type Format = Pick<BitWidth, 'bits' | 'kind'>;

function formatOfRow(row: ViewRow, ofScheme: (text: string) => Format | undefined): Format {
  const { isLayer, quantizable, scheme, predicted, stored, weight } = row;
  if (!isLayer) return { bits: null, kind: 'constants' };
  if (stored?.codebook) return { bits: stored.codebook.bits, kind: 'codebook' };
  // A layer that cannot be written as planned has another format in the file.
  const written = predicted?.planned === scheme ? predicted.scheme : scheme;
  return (
    (quantizable ? ofScheme(written) : undefined) ?? dtypeFormat(stored?.badge ?? weight?.dtype ?? 'float')
  );
}

/** undefined: as the file has it. */
function schemeFormat(text: string): Format | undefined {
  const format = parseFormat(text);
  if ('mistake' in format) return undefined;
  switch (format.scheme) {
    case 'float':
      return undefined;
    case 'fp16':
      return { bits: 16, kind: 'float' };
    case 'w4':
      return { bits: 4, kind: 'integer' };
    case 'w8':
    case 'w8a8':
    case 'w8a16':
      return { bits: 8, kind: 'integer' };
    default: {
      const entries = codebookKind(format.scheme)?.entries ?? 2;
      return { bits: Math.ceil(Math.log2(entries)), kind: 'codebook' };
    }
  }
}

const FLOAT_BITS: Readonly<Record<string, number>> = { float: 32, float16: 16, bfloat16: 16, double: 64 };

/** `int8`, `uint4`, `float8e4m3fn`: the digits are the bits. */
function dtypeFormat(dtype: string): Format {
  const bits = FLOAT_BITS[dtype];
  if (bits !== undefined) return { bits, kind: 'float' };
  const digits = Number(/\d+/.exec(dtype)?.[0] ?? 32);
  return { bits: digits, kind: dtype.startsWith('float') ? 'float' : 'integer' };
}
