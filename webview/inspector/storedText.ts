/** What the inspector says about a stored format, in words and numbers. Pure. */
import type {
  ActivationFormat,
  NumberRange,
  QuantizationDetails,
  StoredFormat,
  WeightGranularity,
} from '../../src/core/results';
import { exponentsIn } from '../../src/core/quant/powersOfTwo';
import { formatInteger, plural } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';

export interface FactText {
  readonly name: string;
  readonly value: string;
}

/** Codebooks up to this size are written out. */
const LISTED_ENTRIES = 16;

/** The facts of a row, in the order in which they are shown. */
export function storedFacts(row: ViewRow, { weight, inputs, output }: QuantizationDetails): FactText[] {
  const facts: FactText[] = [];
  if (weight) {
    facts.push({ name: 'Stored as', value: storedAs(row, weight.dtype, weight) });
    if (weight.granularity) facts.push({ name: 'Granularity', value: granularityText(weight.granularity) });
    if (weight.scale) facts.push({ name: 'Scale', value: rangeText(weight.scale) });
    if (weight.zeroPoint) facts.push({ name: 'Zero point', value: rangeText(weight.zeroPoint) });
    if (weight.entries) facts.push({ name: 'Codebook', value: codebookText(weight.entries) });
  }
  for (const input of inputs) facts.push({ name: 'Input format', value: activationText(input) });
  if (inputs.length === 0 && weight) facts.push({ name: 'Input format', value: FLOAT });
  if (output || weight) {
    facts.push({ name: 'Output format', value: output ? activationText(output) : FLOAT });
  }
  return facts;
}

const FLOAT = 'not quantized';

function storedAs({ op }: ViewRow, dtype: string, { badge, via, codebook }: StoredFormat): string {
  switch (via) {
    case 'codebook': {
      const { entries, bits } = codebook ?? { entries: 0, bits: 0 };
      return `${badge}: ${bits}-bit indices into a codebook of ${plural(entries, 'value')}`;
    }
    case 'dequantize':
      return badge === dtype
        ? `${badge}, through DequantizeLinear`
        : `${dtype}, rounded to ${badge} by a Q/DQ pair`;
    case 'qlinear':
      return `${badge}, read by ${op}`;
    case 'matmulnbits':
      return `${badge}, packed for ${op}`;
    case 'cast':
      return `${badge}, converted by Cast`;
    case 'float':
      return badge;
  }
}

function granularityText(granularity: WeightGranularity): string {
  switch (granularity.kind) {
    case 'per-tensor':
      return 'per tensor';
    case 'per-channel':
      return `per channel: ${plural(granularity.scales, 'scale')} on axis ${granularity.axis}`;
    case 'per-kernel':
      return `per kernel: ${plural(granularity.scales, 'scale')}`;
    case 'per-group':
      return `per group: ${plural(granularity.groups, 'codebook')}`;
    case 'blocked':
      return `blocks of ${formatInteger(granularity.blockSize)} on axis ${granularity.axis}: ${plural(granularity.scales, 'scale')}`;
  }
}

/** One number, or the least and the greatest of several. */
function rangeText({ count, min, max }: NumberRange): string {
  if (count === 1) return numberText(min);
  if (min === max) return `${numberText(min)} (all ${formatInteger(count)})`;
  return `${numberText(min)} … ${numberText(max)} (${formatInteger(count)})`;
}

function codebookText(entries: readonly number[]): string {
  const exponents = exponentsIn(entries);
  if (exponents) {
    const powers = exponents.map((exponent) => `2^${exponent}`);
    return `${entries.includes(0) ? '0, ' : ''}±${powers.join(', ±')}`;
  }
  if (entries.length <= LISTED_ENTRIES) return entries.map(numberText).join(', ');
  const range = { count: entries.length, min: Math.min(...entries), max: Math.max(...entries) };
  return rangeText(range);
}

function activationText({ dtype, dynamic, scale, zeroPoint }: ActivationFormat): string {
  if (dynamic) return `${dtype}, range measured in each run`;
  const parts = [
    dtype,
    ...(scale ? [`scale ${rangeText(scale)}`] : []),
    ...(zeroPoint ? [`zero point ${rangeText(zeroPoint)}`] : []),
  ];
  return parts.join(', ');
}

/** Four significant digits: scales differ in the third. */
function numberText(value: number): string {
  return String(Number(value.toPrecision(4)));
}
