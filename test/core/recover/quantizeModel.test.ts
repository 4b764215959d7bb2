import { describe, expect, it } from 'vitest';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { CancelledError } from '../../../src/core/errors';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Runtime } from '../../../src/core/ports';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { image, residualBlock, samples } from '../rewrite/models';

const slice = sliceOf(
  'calibrate',
  samples(image).map((feeds, index) => ({ index, feeds })),
);

describe('quantizeModel(model, plan, source, work)', () => {
  it.each(['max', 'auto'] as const)(
    'stops while it rewrites when cancelled (%s)',
    async (activationRange) => {
      const signal = { aborted: false };
      let sessions = 0;
      const cancelling: Runtime = {
        version: 'cancelling',
        async openModel(model, options) {
          sessions++;
          const session = await runtime.openModel(model, options);
          // Calibration is over.
          return {
            inputNames: session.inputNames,
            outputNames: session.outputNames,
            run: (feeds, fetches) => session.run(feeds, fetches),
            release: () => ((signal.aborted = true), session.release()),
          };
        },
      };
      const job = quantizeModel(
        residualBlock(),
        { ...defaultPlan, activationRange },
        { runtime: cancelling, slice },
        { signal },
      );
      await expect(job).rejects.toThrow(CancelledError);
      expect(sessions).toBe(1);
    },
  );

  it('says how far it is, to the last layer', async () => {
    const told: string[] = [];
    const onProgress = (_done: number, _total: number, message: string) => told.push(message);
    await quantizeModel(residualBlock(), defaultPlan, { runtime, slice }, { onProgress });
    expect(told.at(-1)).toBe('Quantizing right');
  });
});
