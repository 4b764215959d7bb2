import type { CalibrationSource } from '../../core/calibrate/calibrate';
import { fillPlan } from '../../core/calibrate/selectFormats';
import { formatOf } from '../../core/plan/editPlan';
import { entriesOf } from '../../core/plan/presets';
import type { LayerFormat } from '../../core/quant/layerFormat';
import type { PresetPlanRequest } from '../../shared/rpc';
import { sliceOf } from '../data/slices';
import { openModelFile, type OpenedModel } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { openModelData } from './modelData';
import { planForModel } from './planForModel';
import { workOf } from './work';

/** Fills a plan as a preset says. Nothing is written. */
export const presetPlan: EngineHandlers['presetPlan'] = async (request, call) => {
  const opened = await openModelFile(request.file, call);
  try {
    const work = workOf(call);
    const { plan, notes } = await planForModel(opened, request, work);
    const source = await sourceOf(opened, request, plan.dimensions);
    const { preset, bits, marginDb } = request;
    const format: LayerFormat = request.format ?? formatOf({ ...plan, layers: {} }, '');
    const filled = await fillPlan(opened.model, plan, { preset, format, bits, marginDb }, source, work);
    return {
      layers: entriesOf(filled.picks),
      figures: [...filled.figures],
      notes: [...notes, ...filled.notes],
    };
  } finally {
    await opened.close();
  }
};

async function sourceOf(
  opened: OpenedModel,
  { calibration }: PresetPlanRequest,
  dimensions: Readonly<Record<string, number>>,
): Promise<CalibrationSource | undefined> {
  if (!calibration) return undefined;
  const { dataSet, deal } = await openModelData(calibration, opened.model, dimensions);
  return { runtime: await openRuntime(), slice: sliceOf(dataSet, deal, 'calibrate') };
}
