import { scan as scanLayers } from '../../core/scan/scan';
import { checkGoal } from '../../core/search/checkGoal';
import { sliceOf } from '../data/slices';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { dealNotes } from './dealNotes';
import { openModelData } from './modelData';
import { outputsOf } from './modelOutputs';
import { planForModel } from './planForModel';
import { scanCache, scanSlices } from './scanInputs';
import { workOf } from './work';

/**
 * Measures the sensitivity of layers to formats; guesses and candidates go out with the progress, and what is about to run
 * before it does.
 */
export const scan: EngineHandlers['scan'] = async (request, call) => {
  const { signal, report } = call;
  const opened = await openModelFile(request.file, { signal });
  try {
    const { plan } = await planForModel(opened, request);
    const data = await openModelData(request.calibration, opened.model, plan.dimensions);
    const slices = scanSlices(data);
    const runtime = await openRuntime();
    const outputs = outputsOf(opened.model, plan.dimensions, plan.outputs);
    if (request.goal) {
      const verify = sliceOf(data.dataSet, data.deal, 'verify');
      await checkGoal(runtime, opened.model, request.goal, outputs, verify, workOf(call));
    }
    const cache = await scanCache(request.cache, opened, signal);
    let last = { done: 0, total: 1, message: 'Scanning' };
    const result = await scanLayers(
      runtime,
      opened.model,
      plan,
      slices,
      {
        layers: request.layers,
        schemes: request.schemes,
        part: request.part,
        metric: request.metric,
        direction: request.direction,
        known: request.known,
        cache,
        outputs,
        onProvisional: (guess) => report({ ...last, provisional: [guess] }),
        onStart: (starting) => report({ ...last, starting }),
        onCandidate: (candidate, measured) => report({ ...last, candidates: [candidate], measured }),
      },
      {
        ...workOf(call),
        onProgress: (done, total, message) => {
          last = { done, total, message };
          report(last);
        },
      },
    );
    return { ...result, notes: [...dealNotes(request.calibration, data), ...result.notes] };
  } finally {
    await opened.close();
  }
};
