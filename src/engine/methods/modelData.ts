import { InputError } from '../../core/errors';
import type { Model } from '../../core/onnx/types';
import type { Sample } from '../../core/ports';
import type { DataRequest } from '../../shared/rpc';
import type { DataSet, InputSpec } from '../data/dataSet';
import { modelInputs } from '../data/modelInputs';
import { openDataSet } from '../data/openDataSet';
import { dealSlices, DEFAULT_SEED, type Deal } from '../data/slices';

/** Data that fits a model, dealt into slices. */
export interface ModelData {
  readonly dataSet: DataSet;
  readonly inputs: readonly InputSpec[];
  readonly seed: number;
  readonly deal: Deal;
}

/** @throws InputError when the data does not fit the model, or has fewer samples than asked for. */
export async function openModelData(
  { data, samples, scanSamples, seed = DEFAULT_SEED }: DataRequest,
  model: Model,
  dimensions: Readonly<Record<string, number>> = {},
): Promise<ModelData> {
  if (!model.graph) throw new InputError('The model has no graph: there is nothing to run.');
  const inputs = modelInputs(model.graph, dimensions);
  const dataSet = await openDataSet(data, inputs, seed);
  return { dataSet, inputs, seed, deal: dealSlices(dataSet.length, seed, samples, scanSamples) };
}

/** @throws InputError when there is no such sample. */
export async function sampleAt({ dataSet }: ModelData, index: number): Promise<Sample> {
  if (!Number.isInteger(index) || index < 0 || index >= dataSet.length) {
    throw new InputError(
      `There is no sample ${index}: ${dataSet.data} has samples 0 to ${dataSet.length - 1}.`,
    );
  }
  return dataSet.sample(index);
}

/** Sizes that the inputs' free dimensions have in the first sample, by name as in graph/shapes.ts. */
export async function sampleDimensions({ inputs, dataSet }: ModelData): Promise<Record<string, number>> {
  const { feeds } = await dataSet.sample(0);
  const sizes = inputs.flatMap(({ name, shape }) =>
    (feeds[name]?.dims ?? []).flatMap((size, axis) => {
      const dimension = shape?.[axis];
      return typeof dimension === 'number' ? [] : [[dimension ?? `${name}.${axis}`, size] as const];
    }),
  );
  return Object.fromEntries(sizes);
}
