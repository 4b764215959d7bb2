import { InputError } from '../../core/errors';
import { parseFormat, type LayerFormat } from '../../core/quant/layerFormat';
import { FOUR_BIT_OPSET, opsetNeed } from '../../core/rewrite/neededOpset';
import { formatUse } from '../../core/statistics/formatUse';
import { weightStatistics as statisticsOf } from '../../core/statistics/weightStatistics';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { weightOf } from './weightOf';

/** Step sizes when neither the request nor a format says how many bits there are. */
const USUAL_BITS = 8;
/** Powers of two and tables of few values have steps of their own; half precision none. */
const MOST_BITS = 16;

/** Statistics of a layer's weight, and what a format makes of it. */
export const weightStatistics: EngineHandlers['weightStatistics'] = async (request, { signal, report }) => {
  const opened = await openModelFile(request.file, { signal });
  try {
    const { layer, weight, values, opset } = weightOf(opened, request);
    const format = request.scheme === undefined ? undefined : formatIn(request.scheme);
    report({ done: 0, total: 1, message: `Reading the weight of ${layer.name}` });
    // As `quantize` would write it: it raises the opset for formats that gain by it.
    const isNewer = format !== undefined && opsetNeed(format, layer) !== 'none';
    const written = isNewer ? Math.max(opset, FOUR_BIT_OPSET) : opset;
    const use = format && (await formatUse(layer, weight, format, { opset: written, signal }));
    const bits = request.bits ?? use?.bits ?? USUAL_BITS;
    if (!Number.isInteger(bits) || bits < 2 || bits > MOST_BITS) {
      throw new InputError(`Bits must be a whole number from 2 to ${MOST_BITS}, not ${bits}.`);
    }
    const statistics = await statisticsOf(layer, weight, { bits, signal });
    return { ...statistics, values, ...(use && { format: use }) };
  } finally {
    await opened.close();
  }
};

function formatIn(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new InputError(format.mistake);
  if (format.scheme === 'float')
    throw new InputError('The scheme float leaves a weight as it is: name another.');
  return format;
}
