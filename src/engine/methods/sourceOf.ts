import { InputError } from '../../core/errors';
import { nodeSource } from '../../core/graph/nodeSource';
import { readGraph } from '../files/readGraph';
import type { EngineHandlers } from '../messages';

/** The Python lines that a row comes from. */
export const sourceOf: EngineHandlers['sourceOf'] = async (request, { signal }) => {
  const { path, index } = await readGraph(request, { signal });
  const ref = index.nodeNamed(request.layer);
  if (!ref) throw new InputError(`${path} has no node ${request.layer}.`);
  return nodeSource(ref);
};
