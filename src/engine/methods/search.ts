import { join } from 'node:path';
import { search as searchPlan } from '../../core/search/search';
import type { SearchResult } from '../../core/searchResults';
import type { OpenWritten } from '../../core/search/verifyPlans';
import { RANDOM } from '../data/randomDataSet';
import { sliceOf } from '../data/slices';
import { openModelFile } from '../files/modelFile';
import { writeModelFile } from '../files/writeModelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime, type OrtRuntime } from '../runtime/ortRuntime';
import { makeTemporaryFolder } from '../temporaryFolder';
import { dealNotes } from './dealNotes';
import { openModelData, sampleDimensions } from './modelData';
import { sizeOf } from './modelFiles';
import { outputsOf } from './modelOutputs';
import { planForModel } from './planForModel';
import { scanCache, scanSlices } from './scanInputs';
import { workOf } from './work';

/** Finds the best plan for a goal; points of the front go out with the progress. */
export const search: EngineHandlers['search'] = async (request, call) => {
  const { signal, report } = call;
  const opened = await openModelFile(request.file, call);
  try {
    const { plan, notes } = await planForModel(opened, request, call);
    const data = await openModelData(request.calibration, opened.model, plan.dimensions);
    const slices = { ...scanSlices(data), verify: sliceOf(data.dataSet, data.deal, 'verify') };
    const runtime = await openRuntime();
    const { dataSet, deal, seed } = data;
    notes.push(...dealNotes(request.calibration, data));
    if (dataSet.data === RANDOM)
      notes.push('Searched with random inputs: the figures say little about real data.');
    const complete = (result: SearchResult): SearchResult => ({
      ...result,
      calibration: { data: dataSet.data, samples: deal.calibrate.length, seed },
      notes: [...notes, ...result.notes],
    });
    let last = { done: 0, total: 1, message: 'Searching' };
    const result = await searchPlan(
      runtime,
      opened.model,
      plan,
      slices,
      {
        goal: request.goal,
        layers: request.layers,
        schemes: request.schemes,
        known: request.known,
        tried: request.tried,
        latency: request.latency,
        predictOnly: request.predictOnly,
        cache: await scanCache(request.cache, opened, signal),
        outputs: outputsOf(opened.model, plan.dimensions, plan.outputs),
        sampleDimensions: await sampleDimensions(data),
        fileBytes: sizeOf(await opened.files()),
        openWritten: writtenBy(runtime),
        onStart: (starting) => report({ ...last, starting }),
        onCandidate: (candidate, measured) => report({ ...last, candidates: [candidate], measured }),
        onPoints: (points) => report({ ...last, points }),
        onLatency: (latencies) => report({ ...last, latencies }),
        onResult: (result) => report({ ...last, result: complete(result) }),
        onTrying: (trying) => report({ ...last, trying }),
        onTried: (tried) => report({ ...last, tried }),
      },
      {
        ...workOf(call),
        onProgress: (done, total, message) => {
          last = { done, total, message };
          report(last);
        },
      },
    );
    return complete(result);
  } finally {
    await opened.close();
  }
};

/** Writes models into a folder of their own and opens the files as a user would. */
function writtenBy(runtime: OrtRuntime): OpenWritten {
  return async (model, work) => {
    const folder = await makeTemporaryFolder();
    try {
      const path = join(folder.path, 'model.onnx');
      const { bytes } = await writeModelFile(model, path, work);
      const again = await openModelFile(path, work);
      await again.close();
      const session = await runtime.openFile(path, { optimization: 'full' }, 'the plan that is tried');
      const close = async (): Promise<void> => {
        await session.release();
        await folder.remove();
      };
      return { session, bytes, close };
    } catch (error) {
      await folder.remove();
      throw error;
    }
  };
}
