import { makeValueInfo } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import type { Model } from '../../onnx/types';

/** IR version from which initializers need not be inputs. */
const CONSTANTS_IR_VERSION = 4;

/** Up to IR version 3 every initializer has to be among the inputs: lists those that a rewrite has added. */
export function listOldInitializers(model: Model): Model {
  const { graph } = model;
  if (!graph || model.irVersion >= CONSTANTS_IR_VERSION) return model;
  const listed = new Set(graph.input.map(({ name }) => name));
  const missing = graph.initializer.filter(({ name }) => !listed.has(name));
  if (missing.length === 0) return model;
  const added = missing.map(({ name, dataType, dims }) => makeValueInfo(name, dataType, dims));
  return derive(model, { graph: derive(graph, { input: [...graph.input, ...added] }) });
}
