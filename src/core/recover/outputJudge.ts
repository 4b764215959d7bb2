import { OutputErrors } from '../calibrate/outputErrors';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Runtime, Work } from '../ports';
import type { SampleBatches } from './sampleBatches';

/** Tells how far a model's outputs are off on samples that nothing was fitted to. */
export class OutputJudge {
  constructor(
    private readonly runtime: Runtime,
    private readonly samples: SampleBatches['judge'],
  ) {}

  /** NMSE of the outputs against the float model; Infinity for a model that does not run, or is not finite. @throws CancelledError */
  async error(model: Model, { signal }: Work = {}): Promise<number> {
    try {
      const session = await this.runtime.openModel(model, { optimization: 'simulate' });
      try {
        const errors = new OutputErrors();
        for (const { feeds, outputs } of this.samples) {
          throwIfCancelled(signal);
          errors.add(outputs, await session.run(feeds));
        }
        const { meanNmse } = errors;
        return Number.isNaN(meanNmse) ? Infinity : meanNmse;
      } finally {
        await session.release();
      }
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
