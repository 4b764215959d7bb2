/** What the inspector says of a weight, in words and numbers. Pure. */
import type { CodesInUse, FormatUse, StoredUse, WeightStatistics } from '../../src/core/inspectorResults';
import { parseFormat } from '../../src/core/quant/layerFormat';
import { codebookKind } from '../../src/core/quant/scheme';
import { formatDb, formatInteger, formatNumber, formatPercent, formatShape } from '../../src/shared/format';
import type { NotedFact } from './Fact';

/** Step sizes need a sign and one more bit. */
const LEAST_BITS = 2;
const USUAL_BITS = 8;

/** Bits per code of a planned scheme; 8 where it has none of its own. */
export function schemeBits(text: string): number {
  const format = parseFormat(text);
  if ('mistake' in format) return USUAL_BITS;
  const table = codebookKind(format.scheme);
  if (table) return Math.max(LEAST_BITS, Math.ceil(Math.log2(table.entries)));
  return format.scheme === 'w4' ? 4 : USUAL_BITS;
}

/** The figures of a weight, in the order in which they are shown. */
export function weightFacts(statistics: WeightStatistics): NotedFact[] {
  const { shape, dtype, elements, min, max, mean, standardDeviation, sparsity, kurtosis, nonFinite } =
    statistics;
  const number = (value: number | null): string => (value === null ? 'none' : formatNumber(value));
  return [
    { name: 'Shape', value: `${formatShape(shape)} ${dtype}`, note: valuesNote(statistics) },
    { name: 'Values', value: formatInteger(elements), note: methodText(statistics) },
    { name: 'Minimum', value: number(min) },
    { name: 'Maximum', value: number(max) },
    { name: 'Mean', value: number(mean) },
    { name: 'Std. deviation', value: number(standardDeviation) },
    { name: 'Sparsity', value: sparsity === null ? 'none' : formatPercent(sparsity), note: 'exact zeros' },
    { name: 'Kurtosis', value: number(kurtosis), note: 'normal distribution: 3' },
    ...(nonFinite > 0
      ? [{ name: 'Not finite', value: formatInteger(nonFinite), note: 'NaN or infinite, left out' }]
      : []),
  ];
}

function valuesNote({ values }: WeightStatistics): string | undefined {
  return values === 'dequantized' ? 'figures are of what the codes stand for' : undefined;
}

/** Which figures are of all elements. */
export function methodText({ method, stride }: Pick<WeightStatistics, 'method' | 'stride'>): string {
  if (method === 'exact') return 'exact';
  return `histogram and percentiles sampled: 1 in ${formatInteger(stride)}; all else exact`;
}

/** The format that figures are of, and of how much of the weight they are. */
export function schemeFact({ scheme, method, elements }: FormatUse, isFolded: boolean): NotedFact {
  const basis = method === 'exact' ? 'exact' : `sampled: whole channels, ${formatInteger(elements)} values`;
  return { name: 'Scheme', value: scheme, note: isFolded ? `${basis}; normalization folded in` : basis };
}

/** What a format does to the values of a weight. */
export function formatFacts(use: FormatUse, isFolded: boolean): NotedFact[] {
  const { uniqueBefore, uniqueAfter, sqnrDb } = use;
  return [
    schemeFact(use, isFolded),
    { name: 'Unique values', value: `${formatInteger(uniqueBefore)} → ${formatInteger(uniqueAfter)}` },
    { name: 'Weight SQNR', value: formatDb(sqnrDb), note: 'without data' },
  ];
}

/** What is known of the codes that a quantized file holds. */
export function storedUseFacts({ badge, elements, codes }: StoredUse): NotedFact[] {
  return [
    { name: 'Stored as', value: badge },
    { name: 'Values', value: formatInteger(elements), note: codes ? 'all counted' : undefined },
  ];
}

/** What a codebook is made of. */
export function codebookFacts(codebook: NonNullable<CodesInUse['codebook']>): NotedFact[] {
  const { tables, groups, scales, exponents } = codebook;
  const entries = tables[0]?.length ?? 0;
  const [least, most] = [exponents?.[0], exponents?.at(-1)];
  return [
    { name: 'Values', value: formatInteger(entries), note: groups > 1 ? groupsNote(codebook) : undefined },
    ...(scales
      ? [
          {
            name: 'Scales',
            value: `${formatNumber(scales.min)} … ${formatNumber(scales.max)}`,
            note: `${formatInteger(scales.count)}; drawn with the greatest`,
          },
        ]
      : []),
    ...(least !== undefined && most !== undefined
      ? [{ name: 'Exponents', value: `${least} … ${most}`, note: 'zero and ± powers of two' }]
      : []),
  ];
}

function groupsNote({ tables, groups }: NonNullable<CodesInUse['codebook']>): string {
  const of = `in each of ${formatInteger(groups)} groups of channels`;
  return tables.length < groups ? `${of}; the first ${tables.length} are shown` : of;
}
