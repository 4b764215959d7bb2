import { InputError } from '../errors';
import { derive } from '../onnx/origin';
import type { Model } from '../onnx/types';

/**
 * The model with `values` of its main graph as further outputs; the original outputs stay, in their places.
 * The new outputs carry no type: the runtime infers it, whatever it is.
 * @throws InputError when the model has no graph.
 */
export function withOutputs(model: Model, values: Iterable<string>): Model {
  const { graph } = model;
  if (!graph) throw new InputError('The model has no graph, so there is nothing to run.');
  const present = new Set(graph.output.map((output) => output.name));
  const added = [...new Set(values)].filter((name) => !present.has(name));
  if (added.length === 0) return model;
  return derive(model, {
    graph: derive(graph, {
      output: [...graph.output, ...added.map((name) => ({ name, docString: '', metadataProps: [] }))],
    }),
  });
}
