import { optionsIn, type Granularity, type LayerFormat } from '../quant/layerFormat';
import type { Plan, PlanEntry } from './types';

/**
 * Ways to fill a plan.
 * - `naive`: every layer has one format.
 * - `hybrid`: every layer has one format, or stays float where that costs far more than elsewhere.
 * - `selective`: every layer has the format of least error that takes no more than a number of bits per weight.
 */
export const presets = ['naive', 'hybrid', 'selective'] as const;
export type Preset = (typeof presets)[number];

/** How many dB below the median a layer may be before `hybrid` keeps it float. */
export const HYBRID_MARGIN_DB = 6;
/** Bits per weight that `selective` allows when nobody says. */
export const SELECTIVE_BITS = 4;
/** What scales, zero points and tables may add, in bits per weight. */
export const OVERHEAD_BITS = 0.5;

/** What one layer loses by a format. */
export interface LayerFigure {
  readonly layer: string;
  /** null: there is no error. */
  readonly sqnrDb: number | null;
}

/** A format for one layer. */
export interface LayerPick {
  readonly layer: string;
  readonly format: LayerFormat;
}

/** The plan in which exactly the picked layers have entries of their own; those of nodes without a weight stay. */
export function withPicks(plan: Plan, picks: readonly LayerPick[]): Plan {
  return { ...plan, layers: { ...plan.layers, ...entriesOf(picks) } };
}

/** The entries of `withPicks`, by layer. */
export function entriesOf(picks: readonly LayerPick[]): Record<string, PlanEntry> {
  return Object.fromEntries(
    picks.map(({ layer, format }) => [layer, { ...optionsIn(format), scheme: format.scheme }]),
  );
}

/**
 * The plan with the entries that a preset chose; others stay. After `selective` every layer has a scheme of its own, and there is
 * none that the plan could be called after: its default is float.
 */
export function withPreset(plan: Plan, preset: Preset, entries: Readonly<Record<string, PlanEntry>>): Plan {
  const filled = { ...plan, layers: { ...plan.layers, ...entries } };
  if (preset !== 'selective') return filled;
  const { defaultOptions: _, ...rest } = filled;
  return { ...rest, defaultScheme: 'float' };
}

/** `format` for every layer. */
export function naivePicks(layers: readonly string[], format: LayerFormat): LayerPick[] {
  return layers.map((layer) => ({ layer, format }));
}

/** `format` for every layer, float for those more than `marginDb` below the median SQNR. */
export function hybridPicks(
  figures: readonly LayerFigure[],
  format: LayerFormat,
  marginDb: number = HYBRID_MARGIN_DB,
): LayerPick[] {
  const least = medianSqnr(figures) - marginDb;
  return figures.map(({ layer, sqnrDb }) => ({
    layer,
    format: (sqnrDb ?? Infinity) < least ? { scheme: 'float' } : format,
  }));
}

/** The middle one, or the mean of both; layers without error count as infinitely good. */
export function medianSqnr(figures: readonly LayerFigure[]): number {
  const ascending = figures.map(({ sqnrDb }) => sqnrDb ?? Infinity).sort((a, b) => a - b);
  const middle = ascending.length / 2;
  const low = ascending[Math.ceil(middle) - 1] ?? Infinity;
  const high = ascending[Math.floor(middle)] ?? Infinity;
  return low === high ? low : (low + high) / 2;
}

/** Bits per weight that `selective` can be given: the file has no smaller codes than 4 bits. */
export const SELECTIVE_RANGE = { least: 4, most: 8 } as const;

/**
 * The formats that `selective` tries: all weight-only ones whose codes take at most `bits` bits in the file, the plainest
 * first.
 */
export function selectiveFormats(bits: number): LayerFormat[] {
  const four: LayerFormat[] = [
    ...integerFormats('w4'),
    { scheme: 'u4' },
    ...tableFormats('lut16'),
    { scheme: 'pow2-15' },
    { scheme: 'pow2-15', granularity: 'channel' },
  ];
  return bits < 8 ? four : [...integerFormats('w8'), { scheme: 'u8' }, ...tableFormats('lut256'), ...four];
}

function integerFormats(scheme: 'w4' | 'w8'): LayerFormat[] {
  const divided: Granularity[] = ['channel', 'block:32', 'block:64'];
  return [
    { scheme, granularity: 'tensor' },
    ...divided.flatMap((granularity): LayerFormat[] => [
      { scheme, granularity },
      { scheme, granularity, symmetric: false },
    ]),
    { scheme, granularity: 'kernel' },
  ];
}

function tableFormats(scheme: 'lut16' | 'lut256'): LayerFormat[] {
  const divided: Granularity[] = ['tensor', 'channel', 'group:64'];
  return divided.map((granularity) => ({ scheme, granularity }));
}

/** True for what fits `bits` bits per weight with its scales and tables. */
export function fitsBits(bytes: number, elements: number, bits: number): boolean {
  return 8 * bytes <= (bits + OVERHEAD_BITS) * elements;
}
