import { OutputErrors } from '../calibrate/outputErrors';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Work } from '../ports';
import type { SampleBatches } from './sampleBatches';
import { SuffixRuns } from './suffixRuns';

/** Tells how far a model's outputs are off on samples that nothing was fitted to. */
export interface Judge {
  /** NMSE of the outputs against the float model; Infinity for a model that does not run, or is not finite. @throws CancelledError */
  error(model: Model, work?: Work): Promise<number>;
}

/** Runs whole models. */
export class OutputJudge implements Judge {
  constructor(
    private readonly runtime: Runtime,
    private readonly samples: SampleBatches['judge'],
  ) {}

  error(model: Model, { signal }: Work = {}): Promise<number> {
    return this.judged(async () => {
      const session = await this.runtime.openModel(model, { optimization: 'simulate' });
      try {
        return await this.nmse((at) => session.run(this.samples[at]?.feeds ?? {}), signal);
      } finally {
        await session.release();
      }
    });
  }

  /**
   * A judge of models that differ from `before` in the weights and biases of some layers alone: it runs what lies before these
   * once. Release it.
   * @param layers names of layers of the main graph.
   */
  behind(before: Model, layers: readonly string[]): Judge & { release(): Promise<void> } {
    const inputs = this.samples.map(({ feeds }) => feeds);
    const runs = new SuffixRuns(this.runtime, before, layers, inputs);
    return {
      error: (model, work = {}) =>
        this.judged(async () => {
          const run = await runs.open(model, work.signal);
          return run ? this.nmse(run, work.signal) : this.error(model, work);
        }),
      release: () => runs.release(),
    };
  }

  private async nmse(
    run: (sample: number) => Promise<Feeds>,
    signal: Work['signal'] | undefined,
  ): Promise<number> {
    const errors = new OutputErrors();
    for (const [at, { outputs }] of this.samples.entries()) {
      throwIfCancelled(signal);
      errors.add(outputs, await run(at));
    }
    const { meanNmse } = errors;
    return Number.isNaN(meanNmse) ? Infinity : meanNmse;
  }

  private async judged(measure: () => Promise<number>): Promise<number> {
    try {
      return await measure();
    } catch (error) {
      if (error instanceof CancelledError || !(error instanceof RoundoffError)) throw error;
      return Infinity;
    }
  }
}

/** NMSE as SQNR in dB; null where there is no error, or none that is finite. */
export function decibels(nmse: number): number | null {
  return nmse > 0 && nmse < Infinity ? -10 * Math.log10(nmse) : null;
}
