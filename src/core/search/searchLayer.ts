import type { Candidate } from '../results';
import type { LayerFormats } from '../plan/layerFormats';
import { bytesOfStored, type StoredConstant } from './sharedConstants';

/** One way to store a layer. */
export interface LayerOption {
  /** Format with options; `float` for the layer as it is. */
  readonly text: string;
  /** Bytes of the file beyond those of the file in which the layer is float, without `stored`. */
  readonly bytes: number;
  /** Constants that it shares with other layers: the file has each once. Absent: none. */
  readonly stored?: readonly StoredConstant[];
  /** Bit-operations of the layer; null: its MACs are unknown. */
  readonly bops: number | null;
  /** Milliseconds that it adds to a run, as far as they add up (see `LatencyModel`); absent: not measured. */
  readonly latencyMs?: number;
  /** What it adds to the error of the output. */
  readonly error: number;
}

/** A layer with what it can be; the first option is float. */
export interface SearchLayer {
  readonly name: string;
  readonly options: readonly LayerOption[];
}

/** Option of each layer, by position. */
export type Picks = readonly number[];

export type OptionCost = Pick<LayerOption, 'bytes' | 'stored' | 'bops'>;

/** @returns undefined when the layer cannot have the format. */
export type CostOf = (layer: string, text: string) => OptionCost | undefined;

/** What a candidate adds to the error, in the metric of a search. @returns undefined for one that failed. */
export function errorOf(candidate: Candidate, metric: 'kl' | 'nmse'): number | undefined {
  const { sensitivity, sqnrDb } = candidate;
  if (sensitivity === null) return undefined;
  if (metric === 'kl') return Math.max(0, sensitivity);
  if (sqnrDb === undefined) return undefined;
  return nmseOf(sqnrDb);
}

/** @param sqnrDb null: no noise. */
export function nmseOf(sqnrDb: number | null): number {
  return sqnrDb === null ? 0 : 10 ** (-sqnrDb / 10);
}

/**
 * The options of every layer that was scanned. A candidate that failed, or that the layer cannot have, is none.
 * @param candidates measured ones.
 * @param names of the layers, also of such that nothing is known of; those of the candidates when absent.
 */
export function searchLayers(
  candidates: readonly Candidate[],
  costOf: CostOf,
  metric: 'kl' | 'nmse',
  names: readonly string[] = [...new Set(candidates.map(({ layer }) => layer))],
): SearchLayer[] {
  return names.flatMap((name) => {
    const float = costOf(name, 'float');
    if (!float) return [];
    const others = candidates.flatMap((candidate) => {
      const error = errorOf(candidate, metric);
      const cost = candidate.layer === name ? costOf(name, candidate.scheme) : undefined;
      if (!cost || error === undefined) return [];
      return [{ text: candidate.scheme, ...cost, error }];
    });
    return [{ name, options: [{ text: 'float', ...float, error: 0 }, ...others] }];
  });
}

export function optionAt({ options }: SearchLayer, pick: number | undefined): LayerOption {
  const option = options[pick ?? 0] ?? options[0];
  if (!option) throw new RangeError('a layer has no option');
  return option;
}

/** Additive figures of a whole choice. */
export interface Totals {
  /** Beyond the bytes of the float file. */
  readonly bytes: number;
  readonly bops: number | null;
  readonly latencyMs: number;
  readonly error: number;
  readonly floatLayers: number;
}

export function totalsOf(layers: readonly SearchLayer[], picks: Picks): Totals {
  let [bytes, latencyMs, error, floatLayers] = [0, 0, 0, 0];
  let bops: number | null = 0;
  const [stored, inFloat]: [StoredConstant[], StoredConstant[]] = [[], []];
  for (const [at, layer] of layers.entries()) {
    const option = optionAt(layer, picks[at]);
    bytes += option.bytes;
    latencyMs += option.latencyMs ?? 0;
    error += option.error;
    bops = bops === null || option.bops === null ? null : bops + option.bops;
    if (option.text === 'float') floatLayers++;
    if (option.stored) stored.push(...option.stored);
    const [float] = layer.options;
    if (float?.stored) inFloat.push(...float.stored);
  }
  bytes += bytesOfStored(stored) - bytesOfStored(inFloat);
  return { bytes, bops, latencyMs, error, floatLayers };
}

export function formatsOf(layers: readonly SearchLayer[], picks: Picks): LayerFormats {
  return Object.fromEntries(layers.map((layer, at) => [layer.name, optionAt(layer, picks[at]).text]));
}
