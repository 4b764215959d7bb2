import { isStatic } from '../plan/editPlan';
import {
  allowsGranularity,
  formatMistake,
  formatText,
  optionsOf,
  type Granularity,
  type LayerFormat,
  type WeightRangeRule,
} from '../quant/layerFormat';
import { codebookKind, type LayerScheme } from '../quant/scheme';

/** Inputs per scale, as a scan tries them. */
const BLOCK: Granularity = 'block:32';

/**
 * Formats that may do better than one: finer granularity and other range rules at the same bits, then more bits, for the
 * activations too, and other ways to as many. `float` is the last.
 */
export function alternativesTo(format: LayerFormat): LayerFormat[] {
  const found = [
    ...finer(format).map((granularity) => ({ ...format, granularity })),
    ...otherRules(format).map((range) => ({ ...format, range })),
    ...otherSchemes(format.scheme).map((scheme) => carriedTo(scheme, format)),
    { scheme: 'float' as const },
  ];
  const own = formatText(format);
  const unique = new Map(found.map((each) => [formatText(each), each]));
  return [...unique].flatMap(([text, each]) =>
    text === own || formatMistake(each) !== undefined ? [] : [each],
  );
}

/** The format with a scale per channel; undefined where it has one, or cannot have. */
export function perChannel(format: LayerFormat): LayerFormat | undefined {
  const isShared = format.granularity === 'tensor' || usuallyShared(format);
  return isShared && allowsGranularity(format.scheme, 'channel')
    ? { ...format, granularity: 'channel' }
    : undefined;
}

/** Powers of two have one table without scales unless told otherwise. */
function usuallyShared({ scheme, granularity }: LayerFormat): boolean {
  return granularity === undefined && codebookKind(scheme)?.kind === 'powers of two';
}

function finer(format: LayerFormat): Granularity[] {
  const { scheme, granularity } = format;
  const isCoarserThanBlocks = !granularity?.startsWith('block') || Number(granularity.slice(6)) > 32;
  return [
    ...(perChannel(format) ? (['channel'] as const) : []),
    ...(isCoarserThanBlocks && allowsGranularity(scheme, BLOCK) ? [BLOCK] : []),
  ];
}

function otherRules({ scheme, symmetric, signed, range = 'auto' }: LayerFormat): WeightRangeRule[] {
  if (!optionsOf(scheme).includes('range')) return [];
  const isSymmetric = symmetric ?? signed ?? true;
  const even: WeightRangeRule[] = scheme === 'w4' && isSymmetric ? ['narrow', 'signed'] : [];
  const isUsual = range === 'auto' || range === 'max';
  return [...(isUsual ? [] : (['max'] as const)), ...even, 'mse' as const].filter((rule) => rule !== range);
}

function otherSchemes(scheme: LayerScheme): LayerScheme[] {
  switch (scheme) {
    case 'w8a8':
      return ['w8a16', 'w8', 'fp16'];
    case 'w8a16':
    case 'w8':
      return [...(scheme === 'w8' ? [] : (['w8'] as const)), 'fp16'];
    case 'w4':
      return ['lut16', 'w8'];
    case 'fp16':
    case 'float':
      return [];
    default:
      return largerTables(scheme);
  }
}

function largerTables(scheme: LayerScheme): LayerScheme[] {
  const kind = codebookKind(scheme);
  if (!kind) return [];
  const { entries } = kind;
  switch (kind.kind) {
    case 'uniform':
      return [`lut${entries}`, ...(entries < 256 ? [`u${Math.log2(2 * entries)}` as const] : []), 'w8'];
    case 'k-means':
      return [...(entries <= 128 ? [`lut${2 * entries}` as const] : []), 'w8'];
    case 'powers of two':
      return [...(entries < 17 ? (['pow2-5'] as const) : []), 'lut16', 'w8'];
  }
}

/** What of a format's options means the same in another scheme. */
function carriedTo(scheme: LayerScheme, { scheme: from, signed, symmetric, bias }: LayerFormat): LayerFormat {
  const allowed = optionsOf(scheme);
  return {
    scheme,
    ...(signed !== undefined && allowed.includes('signed') && { signed }),
    ...(symmetric !== undefined && allowed.includes('symmetric') && { symmetric }),
    ...(bias !== undefined && isStatic(scheme) === isStatic(from) && allowed.includes('bias') && { bias }),
  };
}
