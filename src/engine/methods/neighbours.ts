import { InputError } from '../../core/errors';
import { indexGraph } from '../../core/graph/graphIndex';
import { MOST_DEPTH, neighbours as neighboursOf } from '../../core/graph/neighbours';
import { inferShapes } from '../../core/graph/shapes';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';

/** The graph around one row. */
export const neighbours: EngineHandlers['neighbours'] = async (
  { file, dimensions, layer, depth },
  { signal },
) => {
  if (!Number.isInteger(depth) || depth < 1 || depth > MOST_DEPTH) {
    throw new InputError(`The depth must be a whole number from 1 to ${MOST_DEPTH}, not ${depth}.`);
  }
  const opened = await openModelFile(file, { signal });
  try {
    const index = indexGraph(opened.model);
    const center = index.nodeNamed(layer);
    if (!center) throw new InputError(`${opened.path} has no node ${layer}.`);
    return neighboursOf(index, inferShapes(index, dimensions), center, depth);
  } finally {
    await opened.close();
  }
};
