import { firstLayers as layersAmong } from '../../core/graph/firstLayers';
import { openModelFile } from '../files/modelFile';
import { readGraph } from '../files/readGraph';
import { inspectModel, weightHashes } from '../inspect';
import type { EngineHandlers } from '../messages';
import { workOf } from './work';

/** Models of fewer nodes are inspected in a moment: their first layers would gain nothing. */
const LARGE = 10_000;
/** Several screens of layers, a fraction of a message. */
const FIRST_NODES = 3_000;

/** Both read the graph through `readGraph`, so that whoever asks for one after the other reads the file once. */
export const firstLayers: EngineHandlers['firstLayers'] = async (request, { signal }) => {
  const { index } = await readGraph(request, { signal });
  return index.nodes.length < LARGE ? [] : layersAmong(index, request.dimensions ?? {}, FIRST_NODES);
};

export const inspect: EngineHandlers['inspect'] = async (request, { signal }) => {
  const { index, path, bytes } = await readGraph(request, { signal });
  return inspectModel({ model: index.model, path, bytes }, request.dimensions);
};

export const hashWeights: EngineHandlers['weightHashes'] = async ({ file }, call) => {
  const opened = await openModelFile(file, call);
  try {
    return await weightHashes(opened, workOf(call));
  } finally {
    await opened.close();
  }
};
