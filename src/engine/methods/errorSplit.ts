import { InputError, throwIfCancelled } from '../../core/errors';
import { indexGraph } from '../../core/graph/graphIndex';
import { findLayers } from '../../core/graph/layers';
import { inferShapes } from '../../core/graph/shapes';
import { elementCount, readFloat32 } from '../../core/onnx/tensor';
import { bitsGrid } from '../../core/quant/errorGrid';
import { errorSplit as splitError, type MarkerRule } from '../../core/quant/errorSplit';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';

/** What the chart has room for. */
const MARKERS: readonly MarkerRule[] = ['max', 'percentile:99.99', 'mse'];

/** The clipping-against-rounding curve of one layer's weight. */
export const errorSplit: EngineHandlers['errorSplit'] = async (
  { file, dimensions, layer: name, bits },
  { signal },
) => {
  const opened = await openModelFile(file, { signal });
  try {
    const index = indexGraph(opened.model);
    const layer = findLayers(index, inferShapes(index, dimensions)).find((row) => row.name === name);
    if (!layer) throw new InputError(`${file} has no layer ${name}.`);
    const { weight } = layer;
    if (!weight) throw new InputError(`Layer ${name} has no constant weight.`);
    if (weight.stored.via !== 'float' && weight.stored.via !== 'cast') {
      throw new InputError(
        `The weight of ${name} is stored as ${weight.dtype} already: open the float model to see what ranges would do.`,
      );
    }
    if (!Number.isInteger(bits) || bits < 2 || bits > 16) {
      throw new InputError(`Bits must be a whole number from 2 to 16, not ${bits}.`);
    }
    const values = await readFloat32(weight.tensor);
    throwIfCancelled(signal);
    return {
      layer: name,
      weight: weight.name,
      bits,
      signed: true,
      elements: elementCount(weight.tensor),
      ...splitError(values, bitsGrid(bits, { symmetric: true }), MARKERS),
    };
  } finally {
    await opened.close();
  }
};
