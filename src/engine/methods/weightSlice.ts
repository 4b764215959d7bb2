import { weightSlice as sliceOf } from '../../core/statistics/weightSlice';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { weightOf } from './weightOf';

/** A 2-D slice of a layer's weight, reduced to what fits. */
export const weightSlice: EngineHandlers['weightSlice'] = async (request, { signal }) => {
  const opened = await openModelFile(request.file, { signal });
  try {
    const { layer, weight, values } = weightOf(opened, request);
    const slice = await sliceOf(weight.tensor, { ...request, signal });
    return { layer: layer.name, weight: weight.name, values, ...slice };
  } finally {
    await opened.close();
  }
};
