import { InputError, throwIfCancelled } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Sample, Slice, Work } from '../ports';
import { classLayout, positions } from '../quant/classes';
import { givesClasses } from './sampleFigures';

/**
 * Tells before the work whether labels are what the model's classes can be compared with: runs the float model on one sample.
 * @param missing what is said when there is none.
 * @throws InputError when no sample of the slice has a label, or as many as no output with classes gives predictions.
 */
export async function requireLabels(
  runtime: Runtime,
  model: Model,
  slice: Slice,
  outputs: readonly OutputDescription[],
  missing: string,
  work: Work,
): Promise<void> {
  const sample = await firstLabelled(slice, work);
  if (sample?.label === undefined) throw new InputError(missing);
  const results = await runOnce(runtime, model, sample);
  const given = typeof sample.label === 'number' ? 1 : sample.label.length;
  const predictions = outputs.filter(givesClasses).flatMap(({ name, classAxis = 1 }) => {
    const dims = results[name]?.dims;
    return dims ? [{ name, dims, count: positions(classLayout(dims, classAxis)) }] : [];
  });
  const [first] = predictions;
  if (!first || predictions.some(({ count }) => count === given)) return;
  throw new InputError(
    `The labels${slice.source === undefined ? '' : ` in ${slice.source}`} do not fit the model: sample ${sample.index} has ` +
      `${counted(given, 'label')}, and the output "${first.name}" of shape [${first.dims.join(', ')}] gives ` +
      `${counted(first.count, 'prediction')} for it.`,
  );
}

async function firstLabelled(slice: Slice, work: Work): Promise<Sample | undefined> {
  for await (const sample of slice.samples()) {
    throwIfCancelled(work.signal);
    if (sample.label !== undefined) return sample;
  }
  return undefined;
}

async function runOnce(runtime: Runtime, model: Model, { feeds }: Sample): Promise<Feeds> {
  const session = await runtime.openModel(model, { optimization: 'full' });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
