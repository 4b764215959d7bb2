import type { EngineHandlers } from './messages';
import { compare } from './methods/compare';
import { compareLayers } from './methods/compareLayers';
import { copyModel } from './methods/copyModel';
import { describeData } from './methods/describeData';
import { describeDeal } from './methods/describeDeal';
import { describeSample } from './methods/describeSample';
import { errorSplit } from './methods/errorSplit';
import { explain } from './methods/explain';
import { exportWeight } from './methods/exportWeight';
import { firstLayers, hashWeights, inspect } from './methods/inspect';
import { layerLatencies } from './methods/layerLatencies';
import { neighbours } from './methods/neighbours';
import { predict } from './methods/predict';
import { presetPlan } from './methods/presetPlan';
import { quantizationOf } from './methods/quantizationOf';
import { quantize } from './methods/quantize';
import { report } from './methods/report';
import { rewriteModel } from './methods/rewriteModel';
import { scan } from './methods/scan';
import { search } from './methods/search';
import { sourceOf } from './methods/sourceOf';
import { weightSlice } from './methods/weightSlice';
import { weightStatistics } from './methods/weightStatistics';

/** The methods of the engine. Native packages are loaded when they are first needed, not here. */
export const engineService: EngineHandlers = {
  firstLayers,
  inspect,
  weightHashes: hashWeights,
  describeData,
  describeDeal,
  errorSplit,
  quantizationOf,
  weightStatistics,
  weightSlice,
  neighbours,
  sourceOf,
  exportWeight,
  quantize,
  predict,
  presetPlan,
  rewriteModel,
  scan,
  search,
  compare,
  compareLayers,
  describeSample,
  explain,
  layerLatencies,
  report,
  copyModel,
};
