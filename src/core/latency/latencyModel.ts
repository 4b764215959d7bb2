import type { LayerFormats } from '../plan/layerFormats';
import type { LayerLatencies, LayerLatency } from '../latencyResults';
import type { Crossing } from './borders';
import { borderTime, type ConversionTimes, type Domain } from './conversions';

/** What was measured of a layer in one format. */
export interface LayerTime {
  /** Milliseconds that the model takes longer (or less, below 0) than with the layer in float. */
  readonly extraMs: number;
  readonly domain: Domain;
}

/**
 * Foretells the time of one run of a plan: that of the float model, what each layer takes longer in its format, and the conversions
 * where layers of different formats meet. Plans with one format everywhere come out as they were measured.
 */
export class LatencyModel {
  /** Layer → what it writes for others, and reads of them. */
  private readonly around = new Map<string, readonly Crossing[]>();

  constructor(
    /** Milliseconds of one run of the float model, a median. */
    readonly floatMs: number,
    /** Milliseconds with all layers of the search in float, which differs where the plan has formats for others. */
    readonly baseMs: number,
    /** Format → layer → time; float too. */
    private readonly times: ReadonlyMap<string, ReadonlyMap<string, LayerTime>>,
    private readonly crossings: readonly Crossing[],
    private readonly conversions: ConversionTimes,
    /** Layer → milliseconds of its kernels in the float model, as far as they were told apart. */
    private readonly floatTimes: ReadonlyMap<string, number> = new Map(),
  ) {
    for (const crossing of crossings) {
      for (const layer of [crossing.from, ...crossing.to]) {
        this.around.set(layer, [...(this.around.get(layer) ?? []), crossing]);
      }
    }
  }

  /**
   * Milliseconds that a layer in a format adds, as far as they add up: with half the conversions that would stand around it among
   * float layers. @returns null when the layer cannot have the format.
   */
  additiveMs(layer: string, text: string): number | null {
    const time = this.times.get(text)?.get(layer);
    if (!time) return null;
    const around = this.conversionMs({ [layer]: text }, this.around.get(layer) ?? []);
    return time.extraMs + around / 2;
  }

  /** What was measured, by layer. */
  ofLayers(names: readonly string[]): LayerLatencies {
    const texts = [...this.times.keys()].filter((text) => text !== 'float');
    const layers = names.map((name): [string, LayerLatency] => {
      const known = texts.map((text) => [text, this.additiveMs(name, text)] as const);
      const extraMs = known.flatMap(([text, ms]) => (ms === null ? [] : [[text, ms] as const]));
      return [name, { floatMs: this.floatTimes.get(name) ?? null, extraMs: Object.fromEntries(extraMs) }];
    });
    return { modelMs: this.floatMs, layers: Object.fromEntries(layers) };
  }

  /**
   * Milliseconds of one run of a plan; null when the time of a layer in its format is not known.
   * @param formats of the layers of the search.
   */
  foretold(formats: LayerFormats): number | null {
    let extra = 0;
    for (const [layer, text] of Object.entries(formats)) {
      const time = this.times.get(text)?.get(layer);
      if (!time) return null;
      extra += time.extraMs;
    }
    return Math.max(0, this.baseMs + extra + this.conversionMs(formats, this.crossings));
  }

  private conversionMs(formats: LayerFormats, crossings: readonly Crossing[]): number {
    let microseconds = 0;
    for (const crossing of crossings) {
      const { from, to } = crossing;
      const source = this.formatOf(formats, from);
      const others = to
        .map((layer) => this.formatOf(formats, layer))
        .filter(({ text }) => text !== source.text);
      // Readers of one domain share what was converted.
      for (const domain of new Set(others.map((each) => each.domain))) {
        microseconds += borderTime(this.conversions, source.domain, domain, crossing);
      }
    }
    return microseconds / 1000;
  }

  private formatOf(formats: LayerFormats, layer: string): { text: string; domain: Domain } {
    const text = formats[layer] ?? 'float';
    return { text, domain: this.times.get(text)?.get(layer)?.domain ?? 'plain' };
  }
}
