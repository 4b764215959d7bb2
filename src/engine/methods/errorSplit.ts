import { InputError } from '../../core/errors';
import { isCodebookScheme } from '../../core/quant/scheme';
import { activationSplit } from '../../core/statistics/activationSplit';
import { weightSplit } from '../../core/statistics/weightSplit';
import { sliceOf } from '../data/slices';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { openModelData } from './modelData';
import { workOf } from './work';

/** The clipping-against-rounding curve of one value of a layer; the runtime is loaded for activations only. */
export const errorSplit: EngineHandlers['errorSplit'] = async (request, call) => {
  const { file, dimensions, layer, of = 'weight', bits, table, weight = 0, calibration } = request;
  const opened = await openModelFile(file, call);
  try {
    const plan = { ...request.plan, dimensions: { ...request.plan.dimensions, ...dimensions } };
    if (of === 'weight') {
      if (table !== undefined && !isCodebookScheme(table)) {
        throw new InputError(`${table} has no table: name a codebook scheme such as lut16.`);
      }
      const options = { layer, position: weight, bits, ...(table !== undefined && { table }) };
      return await weightSplit(opened.model, plan, options, workOf(call));
    }
    if (!calibration) throw new InputError(`Choose calibration data to see the ${of} of ${layer}.`);
    const data = await openModelData(calibration, opened.model, plan.dimensions);
    const source = { runtime: await openRuntime(), slice: sliceOf(data.dataSet, data.deal, 'calibrate') };
    const curve = await activationSplit(opened.model, plan, { layer, of }, source, workOf(call));
    return { ...curve, random: calibration.data === 'random' };
  } finally {
    await opened.close();
  }
};
