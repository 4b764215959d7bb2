import { InputError } from '../../core/errors';
import { MOST_DEPTH, neighbours as neighboursOf } from '../../core/graph/neighbours';
import { readGraph } from '../files/readGraph';
import type { EngineHandlers } from '../messages';

/** The graph around one row. */
export const neighbours: EngineHandlers['neighbours'] = async (request, { signal }) => {
  const { layer, depth } = request;
  if (!Number.isInteger(depth) || depth < 1 || depth > MOST_DEPTH) {
    throw new InputError(`The depth must be a whole number from 1 to ${MOST_DEPTH}, not ${depth}.`);
  }
  const { path, index, shapes } = await readGraph(request, { signal });
  const center = index.nodeNamed(layer);
  if (!center) throw new InputError(`${path} has no node ${layer}.`);
  return neighboursOf(index, shapes, center, depth);
};
