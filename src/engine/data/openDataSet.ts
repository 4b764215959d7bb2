import { stat } from 'node:fs/promises';
import { InputError } from '../../core/errors';
import { openArrayFile } from './arrayFile';
import { arrayDataSet } from './arrayDataSet';
import type { DataSet, InputSpec } from './dataSet';
import { imageDataSet } from './imageDataSet';
import { onnxTestDataSet, testDataFolders } from './onnxTestData';
import { RANDOM, randomDataSet } from './randomDataSet';

/**
 * Opens calibration or test data: a `.npz` or `.npy` file, a folder of images, a folder of ONNX test data, or the word
 * `random`. What is known before reading all of it is checked against the inputs.
 * @throws InputError when it is none of these, or does not fit the inputs.
 */
export async function openDataSet(data: string, specs: readonly InputSpec[], seed: number): Promise<DataSet> {
  if (data === RANDOM) return randomDataSet(specs, seed);
  const stats = await stat(data).catch(() => undefined);
  if (!stats) throw new InputError(`The data ${data} does not exist.`);
  if (stats.isDirectory()) {
    const folders = await testDataFolders(data);
    return folders.length > 0 ? onnxTestDataSet(data, folders, specs) : imageDataSet(data, specs);
  }
  if (/\.npz$/i.test(data)) return arrayDataSet(data, 'npz', await openArrayFile(data), specs);
  if (/\.npy$/i.test(data)) return arrayDataSet(data, 'npy', await openArrayFile(data), specs);
  throw new InputError(
    `${data} is not data that Roundoff reads: .npz or .npy arrays, a folder of images with preprocess.json, ` +
      'or a folder of ONNX test data (test_data_set_0 …).',
  );
}
