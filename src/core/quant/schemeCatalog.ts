import { isBiasScheme, parseFormat, type LayerFormat } from './layerFormat';
import { codebookKind, parseScheme } from './scheme';

/** What a user chooses from: menus, pickers, help. */
export interface SchemeFacts {
  /** As `formatText` writes it. */
  readonly format: string;
  /** One line: format, what it needs, what it gives. */
  readonly description: string;
}

/** Figures and labels that belong to a scheme wherever it is shown. */
export type SchemeLabel = 'needs data' | 'no speed-up' | 'needs compensation';

/** Operators whose 8-bit static form the runtime computes on integers. */
const integerOperators: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** Below this many values a weight loses accuracy that only compensation gets back. */
const COARSE_ENTRIES = 16;

/**
 * What to say of a format wherever it is offered or shown.
 * @param op the layer's operator, where one is meant.
 */
export function labelsOf(format: LayerFormat, op?: string): SchemeLabel[] {
  const { scheme, bias } = format;
  if (scheme === 'float') return [];
  const isStatic = scheme === 'w8a8' || scheme === 'w8a16';
  const isFast =
    scheme === 'w8a8' &&
    (op === undefined || integerOperators.has(op)) &&
    (bias === undefined || bias === 'int32');
  return [
    ...(isStatic ? (['needs data'] as const) : []),
    ...(isFast ? [] : (['no speed-up'] as const)),
    ...(isCoarse(scheme) ? (['needs compensation'] as const) : []),
  ];
}

/**
 * How many of the written layers carry each label: `no speed-up: 3 layers`. Not whether they needed data: they had it; nor
 * compensation, where they have it.
 * @param layers as the writer tells them; `op` where it is known.
 */
export function labelCounts(
  layers: readonly {
    readonly scheme: string;
    readonly bias?: string;
    readonly rounding?: string;
    readonly op?: string;
  }[],
): string[] {
  const counts = new Map<SchemeLabel, number>();
  for (const { scheme: text, bias, rounding, op } of layers) {
    const scheme = parseScheme(text);
    if (!scheme) continue;
    const format = bias !== undefined && isBiasScheme(bias) ? { scheme, bias } : { scheme };
    for (const label of labelsOf(format, op)) {
      if (label === 'needs compensation' && rounding !== undefined) continue;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
  }
  counts.delete('needs data');
  return [...counts].map(([label, count]) => `${label}: ${count} ${count === 1 ? 'layer' : 'layers'}`);
}

function isCoarse(scheme: string): boolean {
  if (scheme === 'w4') return true;
  const kind = codebookKind(scheme);
  if (!kind) return false;
  if (kind.kind === 'powers of two') return true;
  return kind.kind === 'uniform' ? kind.entries <= COARSE_ENTRIES : kind.entries < COARSE_ENTRIES;
}

const offered: readonly (readonly [format: string, what: string])[] = [
  ['w8a8', 'int8 weight and 8-bit activations: smaller and faster'],
  ['w8a16', 'int8 weight and 16-bit activations: smaller'],
  ['w8', 'int8 weight'],
  ['w4', '4-bit weight, a scale per channel'],
  ['w4,block:32', '4-bit weight, a scale per 32 inputs'],
  ['u8', '256 evenly spaced values'],
  ['u4', '16 evenly spaced values'],
  ['lut16', '16 k-means values'],
  ['lut8', '8 k-means values'],
  ['pow2-5', 'zero and ±8 powers of two'],
  ['pow2-15', 'zero and ±7 powers of two, in 4 bits'],
  ['fp16', 'half-precision weight'],
  ['fp16,region', 'half-precision weight and arithmetic'],
  ['float', 'left as it is'],
];

/** The formats to offer, the usual one first; of what can be combined (see `parseFormat`) the common members. */
export const schemeCatalog: readonly SchemeFacts[] = offered.map(([format, what]) => {
  const parsed = parseFormat(format);
  const labels = 'mistake' in parsed ? [] : labelsOf(parsed);
  return { format, description: [what, ...labels].join(', ') };
});
