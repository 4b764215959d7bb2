import { relative } from 'node:path';
import { asNumbers } from '../../core/calibrate/floats';
import type { SampleDescription } from '../../core/compareResults';
import { InputError } from '../../core/errors';
import type { Feeds, RuntimeTensor } from '../../core/ports';
import { pictureOfFeeds, pictureOfFile } from '../data/picture';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openModelData, sampleAt } from './modelData';

/** One sample of the data as a model is fed with it, and as a picture. Runs nothing. */
export const describeSample: EngineHandlers['describeSample'] = async (
  { file, dimensions, calibration, sample, picture = true },
  call,
) => {
  const opened = await openModelFile(file, call);
  try {
    const data = await openModelData(calibration, opened.model, dimensions);
    const { feeds, label } = await sampleAt(data, sample);
    const image = data.dataSet.imageOf?.(sample);
    return {
      sample,
      label: typeof label === 'number' ? label : null,
      file: image === undefined ? null : relative(data.dataSet.data, image),
      inputs: Object.entries(feeds).map(([name, tensor]) => ({ name, ...factsOf(tensor) })),
      ...(picture ? await pictureOf(feeds, image) : { picture: null }),
    };
  } finally {
    await opened.close();
  }
};

/** Scores and figures do not need it: when it cannot be drawn, it is told why. */
async function pictureOf(
  feeds: Feeds,
  image: string | undefined,
): Promise<Pick<SampleDescription, 'picture' | 'whyNoPicture'>> {
  try {
    return { picture: image === undefined ? await pictureOfFeeds(feeds) : await pictureOfFile(image) };
  } catch (error) {
    if (error instanceof InputError) return { picture: null, whyNoPicture: error.message };
    throw error;
  }
}

/** Over the finite elements. */
function factsOf(tensor: RuntimeTensor): Omit<SampleDescription['inputs'][number], 'name'> {
  const values = asNumbers(tensor) ?? [];
  let [min, max, sum, count] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count++;
  }
  const known = count > 0;
  return {
    dtype: tensor.type,
    shape: [...tensor.dims],
    min: known ? min : null,
    max: known ? max : null,
    mean: known ? sum / count : null,
  };
}
