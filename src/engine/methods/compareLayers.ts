import { basename } from 'node:path';
import { quantizeModel } from '../../core/recover/quantizeModel';
import { compareLayers as compareModels } from '../../core/compare/compareLayers';
import type { LayerComparison } from '../../core/compareResults';
import { InputError } from '../../core/errors';
import type { Model } from '../../core/onnx/types';
import { planWord } from '../../core/plan/editPlan';
import type { Work } from '../../core/ports';
import type { CompareLayersRequest } from '../../shared/rpc';
import { openModelFile, type OpenedModel } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { calledVerify, comparedSlice } from './comparedSlice';
import { openModelData, type ModelData } from './modelData';
import { planForModel } from './planForModel';
import { quantizeSource } from './scanInputs';
import { workOf } from './work';

/** Samples when nobody asked for another number: the figures are means over many values each. */
const SAMPLES = 32;

/** Two models, or a model and what a plan makes of it, layer by layer. */
export const compareLayers: EngineHandlers['compareLayers'] = async (request, call) => {
  const work = workOf(call);
  const openedA = await openModelFile(request.a, call);
  try {
    const { dimensions, calibration, most = SAMPLES } = request;
    const data = await openModelData(calibration, openedA.model, {
      ...request.plan?.dimensions,
      ...dimensions,
    });
    const compare = async (b: Model, name: string): Promise<LayerComparison> => {
      const isDealt = request.plan !== undefined || calledVerify(calibration);
      const slice = comparedSlice(data, isDealt);
      const found = await compareModels(
        await openRuntime(),
        openedA.model,
        b,
        slice,
        { dimensions, samples: most },
        work,
      );
      return { a: openedA.path, b: name, slice: isDealt ? 'verify' : 'all', ...found };
    };
    if (request.b === undefined) {
      const { plan } = request;
      if (!plan) throw new InputError('There is nothing to compare with: name a second model or a plan.');
      return await compare(await planned(openedA, request, data, work), planName(openedA, request));
    }
    const openedB = await openModelFile(request.b, call);
    try {
      return await compare(openedB.model, openedB.path);
    } finally {
      await openedB.close();
    }
  } finally {
    await openedA.close();
  }
};

/** What the plan makes of the model, not written. */
async function planned(
  opened: OpenedModel,
  { plan: wanted, dimensions, cache }: CompareLayersRequest,
  data: ModelData,
  work: Work,
): Promise<Model> {
  if (!wanted) return opened.model;
  const { plan } = await planForModel(opened, { plan: wanted, dimensions }, work);
  const source = await quantizeSource(await openRuntime(), data, plan, opened, cache, work.signal);
  return (await quantizeModel(opened.model, plan, source, work)).model;
}

function planName({ path }: OpenedModel, { plan }: CompareLayersRequest): string {
  return `${basename(path)} as ${plan ? planWord(plan) : 'planned'}`;
}
