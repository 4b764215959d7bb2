import type { Plan } from '../plan/types';
import type { ResultCache, Sample } from '../ports';
import type { OutputDescription } from '../graph/types';
import type { ActivationRange } from '../quant/scheme';
import { formatName, type CandidateName } from './formats';
import type { SampleFigures } from './sampleFigures';

/** Of figures and keys: results of versions that measured otherwise are not used. */
const VERSION = 6;

/** What is known of one candidate: figures by the identity of the sample. */
export interface KnownFigures {
  readonly bytes: number;
  readonly samples: ReadonlyMap<string, SampleFigures>;
}

/**
 * Figures of trials by what they were computed from: every byte of the model, the format, the settings and ranges that the
 * trial depends on, the sample's content and the runtime. Samples are kept one by one, so that a scan of more samples, or of
 * others, measures only what is new. Without a store nothing is known and nothing kept.
 */
export class TrialCache {
  private readonly common: readonly unknown[];

  constructor(
    private readonly store: ResultCache | undefined,
    runtime: string,
    plan: Plan,
    outputs: readonly OutputDescription[],
  ) {
    this.common = [VERSION, store?.model, runtime, plan.dimensions ?? {}, outputs];
  }

  identify(sample: Sample): string {
    return this.store?.identify(sample) ?? '';
  }

  /** @param settings what the trial depends on besides layer and format. */
  async figuresOf(name: CandidateName, settings: unknown): Promise<KnownFigures | undefined> {
    const value = await this.store?.get(this.key('trial', name.layer, formatName(name), settings));
    if (!isEntry(value)) return undefined;
    return { bytes: value.bytes, samples: new Map(Object.entries(value.samples)) };
  }

  async keepFigures(name: CandidateName, settings: unknown, known: KnownFigures): Promise<void> {
    const { bytes, samples } = known;
    await this.store?.put(this.key('trial', name.layer, formatName(name), settings), {
      bytes,
      samples: Object.fromEntries(samples),
    });
  }

  /** @param source what the ranges come from: settings and samples. */
  async rangesOf(source: unknown): Promise<ReadonlyMap<string, ActivationRange> | undefined> {
    const value = await this.store?.get(this.key('ranges', source));
    return isRanges(value) ? new Map(value) : undefined;
  }

  async keepRanges(source: unknown, ranges: ReadonlyMap<string, ActivationRange>): Promise<void> {
    await this.store?.put(this.key('ranges', source), [...ranges]);
  }

  get isKept(): boolean {
    return this.store !== undefined;
  }

  private key(...parts: readonly unknown[]): string {
    return JSON.stringify([...this.common, ...parts]);
  }
}

interface Entry {
  readonly bytes: number;
  readonly samples: Readonly<Record<string, SampleFigures>>;
}

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || typeof value['bytes'] !== 'number' || !isRecord(value['samples'])) return false;
  return Object.values(value['samples']).every(isFigures);
}

function isFigures(value: unknown): value is SampleFigures {
  return (
    isRecord(value) &&
    typeof value['divergence'] === 'number' &&
    Array.isArray(value['errors']) &&
    Array.isArray(value['values'])
  );
}

function isRanges(value: unknown): value is [string, ActivationRange][] {
  return (
    Array.isArray(value) &&
    value.every(
      (each: unknown) =>
        Array.isArray(each) &&
        typeof each[0] === 'string' &&
        isRecord(each[1]) &&
        typeof each[1]['min'] === 'number',
    )
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
