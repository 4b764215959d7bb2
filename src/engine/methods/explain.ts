import { explainLayer } from '../../core/explain/explainLayer';
import { sliceOf } from '../data/slices';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { openModelData } from './modelData';
import { planForModel } from './planForModel';
import { workOf } from './work';

/** Why a layer hurts in a format; the runtime is loaded only with data. */
export const explain: EngineHandlers['explain'] = async (request, call) => {
  const { calibration, layer, scheme, measured } = request;
  const opened = await openModelFile(request.file, call);
  try {
    const { plan } = await planForModel(opened, request);
    const data = calibration && (await openModelData(calibration, opened.model, plan.dimensions));
    return await explainLayer(
      opened.model,
      plan,
      {
        layer,
        scheme,
        ...(measured && { measured }),
        ...(data && {
          calibration: {
            runtime: await openRuntime(),
            slice: sliceOf(data.dataSet, data.deal, 'calibrate'),
          },
        }),
      },
      workOf(call),
    );
  } finally {
    await opened.close();
  }
};
