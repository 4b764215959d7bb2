import { quantizeModel } from '../recover/quantizeModel';
import { bytesOfTensors } from '../calibrate/floats';
import { throwIfCancelled } from '../errors';
import { timeInTurns } from '../latency/timeInTurns';
import type { OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Feeds, ResultCache, Runtime, Sample, Session, Slice, Work } from '../ports';
import type { VerifiedPlan } from '../searchResults';
import { compareSample, type SampleFigures } from '../scan/sampleFigures';
import { firstFeeds } from './planLatency';
import { figuresError } from './planError';
import { withFormats, type LayerFormats } from '../plan/layerFormats';

/** A model that was written to a file, read again and opened at full optimization. */
export interface WrittenModel {
  readonly session: Session;
  /** Of its files. */
  readonly bytes: number;
  /** Ends the session and removes the files. */
  close(): Promise<void>;
}

export type OpenWritten = (model: Model, work: Work) => Promise<WrittenModel>;

export interface Verified extends VerifiedPlan {
  readonly bytes: number;
  /** Of one run of one sample; absent or null: it was not asked for. */
  readonly latencyMs?: number | null;
}

/** Outputs of the float model kept between plans; beyond it the float model runs again. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Builds plans as a user would get them and runs them on the verify slice. */
export class PlanVerifier {
  /** Plans that were run. */
  count = 0;
  private float: Promise<Session> | undefined;
  private readonly kept = new Map<number, Feeds>();
  private keptBytes = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly model: Model,
    private readonly plan: Plan,
    private readonly slices: { readonly calibrate: Slice; readonly verify: Slice },
    private readonly options: {
      readonly outputs: readonly OutputDescription[];
      readonly metric: 'kl' | 'nmse';
      readonly openWritten: OpenWritten;
      /** The time of a run is measured too. */
      readonly withLatency?: boolean;
      /** Keeps codes that make up for their errors, as the scan measured them. */
      readonly cache?: ResultCache | undefined;
    },
    private readonly work: Work,
  ) {}

  /** @throws RoundoffError when the plan cannot be built or does not run, CancelledError */
  async verify(formats: LayerFormats): Promise<Verified> {
    const { runtime, model, slices, work } = this;
    const { outputs, metric, openWritten, withLatency, cache } = this.options;
    const source = { runtime, slice: slices.calibrate, ...(cache && { cache }) };
    const quantized = await quantizeModel(model, withFormats(this.plan, formats), source, work);
    throwIfCancelled(work.signal);
    const written = await openWritten(quantized.model, work);
    try {
      const figures: SampleFigures[] = [];
      for await (const sample of slices.verify.samples()) {
        throwIfCancelled(work.signal);
        const reference = await this.reference(sample);
        const results = await written.session.run(sample.feeds);
        figures.push({ ...compareSample(outputs, reference, results, sample.label), local: null });
        const { length } = slices.verify;
        work.onProgress?.(figures.length, length, `Verifying: sample ${figures.length} of ${length}`);
      }
      this.count++;
      const times = withLatency ? { latencyMs: await this.timeOf(written.session) } : {};
      return { bytes: written.bytes, ...times, ...verifiedOf(figures, metric) };
    } finally {
      await written.close();
    }
  }

  /** Ends the float model's session. */
  async close(): Promise<void> {
    const session = await this.float?.catch(() => undefined);
    await session?.release();
  }

  /** Milliseconds, measured in turns with the float model. */
  private async timeOf(session: Session): Promise<number> {
    const float = await this.floatSession();
    return (await timeInTurns(float, session, await firstFeeds(this.slices.verify), this.work)).other;
  }

  private floatSession(): Promise<Session> {
    return (this.float ??= this.runtime.openModel(this.model, { optimization: 'full' }));
  }

  /** What the float model gives for a sample. */
  private async reference({ index, feeds }: Sample): Promise<Feeds> {
    const known = this.kept.get(index);
    if (known) return known;
    const results = await (await this.floatSession()).run(feeds);
    const bytes = bytesOfTensors(results);
    if (this.keptBytes + bytes <= KEPT_BYTES) {
      this.kept.set(index, results);
      this.keptBytes += bytes;
    }
    return results;
  }
}

function verifiedOf(figures: readonly SampleFigures[], metric: 'kl' | 'nmse'): VerifiedPlan {
  const { error, standardError, sqnrDb, agreement, accuracy } = figuresError(figures, metric);
  const labelled = figures.flatMap((each) => (each.accuracy ? [each.accuracy[0]] : []));
  const float = labelled.reduce((sum, each) => sum + each, 0) / Math.max(1, labelled.length);
  return {
    slice: 'verify',
    samples: figures.length,
    error,
    standardError,
    sqnrDb,
    agreement,
    accuracy: accuracy === null ? null : { float, plan: accuracy },
  };
}
