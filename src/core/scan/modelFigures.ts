import { throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import { samplesOf } from '../calibrate/batches';
import type { LayerTrialsContext } from './layerTrials';
import { compareSample, type SampleFigures } from './sampleFigures';

/**
 * Runs a whole model, simulated, over the samples of a scan and compares each with the float model.
 * @throws RoundoffError when it does not run, or an output is not finite; CancelledError
 */
export async function modelFigures(
  { runtime, outputs, baseline, work }: Pick<LayerTrialsContext, 'runtime' | 'outputs' | 'baseline' | 'work'>,
  model: Model,
): Promise<SampleFigures[]> {
  const names = outputs.map(({ name }) => name);
  const session = await runtime.openModel(model, { optimization: 'simulate' });
  const figures: SampleFigures[] = [];
  try {
    for (const { feeds, samples, outputs: references } of baseline.batches) {
      throwIfCancelled(work.signal);
      const results = await session.run(feeds, names);
      for (const [at, { label }] of samples.entries()) {
        const trial = samplesOf(results, at, samples.length);
        figures.push({ ...compareSample(outputs, references[at] ?? {}, trial, label), local: null });
      }
    }
  } finally {
    await session.release();
  }
  return figures;
}
