import { schemeTimes } from '../../core/search/schemeTimes';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { openModelData, sampleDimensions } from './modelData';
import { planForModel } from './planForModel';
import { scanSlices } from './scanInputs';
import { workOf } from './work';

/** Times every layer in each scheme. */
export const layerLatencies: EngineHandlers['layerLatencies'] = async (request, call) => {
  const opened = await openModelFile(request.file, call);
  try {
    const { plan } = await planForModel(opened, request);
    const data = await openModelData(request.calibration, opened.model, plan.dimensions);
    return await schemeTimes(
      await openRuntime(),
      opened.model,
      plan,
      scanSlices(data).scan,
      { schemes: request.schemes, sampleDimensions: await sampleDimensions(data) },
      workOf(call),
    );
  } finally {
    await opened.close();
  }
};
