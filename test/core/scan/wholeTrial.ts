/** The plain way to measure one candidate: the whole model rewritten for only this layer, in a session of its own. */
import { calibrate } from '../../../src/core/calibrate/calibrate';
import { chooseRanges } from '../../../src/core/calibrate/chooseRanges';
import { activationTargets } from '../../../src/core/calibrate/activationTargets';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import type { OutputDescription } from '../../../src/core/graph/types';
import type { Model } from '../../../src/core/onnx/types';
import { setScheme } from '../../../src/core/plan/editPlan';
import type { Plan } from '../../../src/core/plan/types';
import type { Feeds } from '../../../src/core/ports';
import { parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import { placeQuantization } from '../../../src/core/rewrite/placement';
import { activationsToCalibrate, prepareFloat } from '../../../src/core/rewrite/prepare';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { compareSample, type SampleFigures } from '../../../src/core/scan/sampleFigures';
import type { ScanSlices } from '../../../src/core/scan/scan';
import { metricOf, summarize } from '../../../src/core/scan/summary';
import { trialPlan, unitOutput } from '../../../src/core/scan/unitOutput';
import { runtime } from '../../support/runtime';

export function formatIn(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new Error(format.mistake);
  return format;
}

async function outputsOf(model: Model, slices: ScanSlices): Promise<Feeds[]> {
  const session = await runtime.openModel(model, { optimization: 'simulate' });
  const all: Feeds[] = [];
  try {
    for await (const { feeds } of slices.scan.samples()) all.push(await session.run(feeds));
  } finally {
    await session.release();
  }
  return all;
}

/** Sensitivity of each (layer, format) by whole models, sample by sample. */
export async function wholeTrials(
  model: Model,
  plan: Plan,
  slices: ScanSlices,
  outputs: readonly OutputDescription[],
  format: LayerFormat,
  only?: readonly string[],
): Promise<Map<string, number>> {
  const { defaultOptions: _, ...rest } = plan;
  const ready = await prepareFloat(model, {
    ...rest,
    ...format,
    defaultScheme: format.scheme,
    defaultOptions: format,
    layers: {},
  });
  const index = indexGraph(ready.model);
  const layers = findLayers(index, inferShapes(index, plan.dimensions)).filter(
    ({ quantizable }) => quantizable,
  );
  const names = layers.map(({ name }) => name);
  const every = setScheme({ ...rest, defaultScheme: 'float', layers: {} }, names, format);
  const values = activationsToCalibrate(ready, every, { trials: true });
  const calibration = await calibrate(runtime, ready.model, values, slices.calibrate);
  const { ranges } = await chooseRanges(
    runtime,
    plan.activationRange,
    calibration,
    activationTargets(every),
    async (tried) => (await rewrite(ready.model, every, tried)).model,
  );
  const placement = placeQuantization(index, every);
  const float = await outputsOf(ready.model, slices);
  const found = new Map<string, number>();
  for (const name of only ?? names) {
    const alone = trialPlan(plan, name, format, placement, unitOutput(index, placement, name));
    const trial = await outputsOf((await rewrite(ready.model, alone, ranges)).model, slices);
    const figures = float.map((reference, at): SampleFigures => ({
      ...compareSample(outputs, reference, trial[at] ?? {}),
      local: null,
    }));
    found.set(name, summarize(figures, metricOf(outputs)).sensitivity);
  }
  return found;
}
