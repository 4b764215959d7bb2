import { InputError } from '../../core/errors';
import { indexGraph } from '../../core/graph/graphIndex';
import { inferShapes } from '../../core/graph/shapes';
import type { FormatUse, StoredUse } from '../../core/inspectorResults';
import { onlyLayer } from '../../core/plan/editPlan';
import { defaultPlan } from '../../core/plan/planFile';
import type { CancelSignal } from '../../core/ports';
import { parseFormat, type LayerFormat } from '../../core/quant/layerFormat';
import { defaultOpset } from '../../core/rewrite/opset';
import { isFoldedInto, prepareFloat } from '../../core/rewrite/prepare';
import { formatUse } from '../../core/statistics/formatUse';
import { storedUse } from '../../core/statistics/storedUse';
import { weightStatistics as statisticsOf } from '../../core/statistics/weightStatistics';
import type { WeightStatisticsRequest } from '../../shared/rpc';
import { openModelFile, type OpenedModel } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { findWeight, weightOf, type ReadableWeight } from './weightOf';

/** Step sizes when neither the request nor a format says how many bits there are. */
const USUAL_BITS = 8;
/** Powers of two and tables of few values have steps of their own; half precision none. */
const MOST_BITS = 16;

/** Statistics of a layer's weight, what a format makes of it, and the codes that the file holds. */
export const weightStatistics: EngineHandlers['weightStatistics'] = async (request, { signal, report }) => {
  const opened = await openModelFile(request.file, { signal });
  try {
    const readable = weightOf(opened, request);
    report({ done: 0, total: 1, message: `Reading the weight of ${readable.layer.name}` });
    const format = request.scheme === undefined ? undefined : formatIn(request.scheme);
    const formatted = format && (await inFormat(readable, opened.path, request, format, signal));
    const stored = request.stored ? await storedIn(opened, request, signal) : undefined;
    const bits = request.bits ?? formatted?.use.bits ?? USUAL_BITS;
    if (!Number.isInteger(bits) || bits < 2 || bits > MOST_BITS) {
      throw new InputError(`Bits must be a whole number from 2 to ${MOST_BITS}, not ${bits}.`);
    }
    // Of the weight that the format was given, so that its values can be drawn over the histogram.
    const { layer, weight } = formatted ?? readable;
    return {
      ...(await statisticsOf(layer, weight, { bits, signal })),
      values: readable.values,
      ...(formatted && { isFolded: formatted.isFolded, format: formatted.use }),
      ...(stored && { stored }),
    };
  } finally {
    await opened.close();
  }
};

interface FormattedWeight extends Pick<ReadableWeight, 'layer' | 'weight'> {
  readonly use: FormatUse;
  readonly isFolded: boolean;
}

/** A weight as `quantize` would write it: normalizations folded in, in the opset that the format needs. */
async function inFormat(
  { model, weight: original }: ReadableWeight,
  path: string,
  request: WeightStatisticsRequest,
  format: LayerFormat,
  signal: CancelSignal,
): Promise<FormattedWeight> {
  const { dimensions } = request;
  const plan = onlyLayer({ ...defaultPlan, ...(dimensions && { dimensions }) }, request.layer, format);
  const { model: prepared } = await prepareFloat(model, plan);
  const { layer, weight } = findWeight(prepared, path, request);
  const opset = defaultOpset(prepared.opsetImport) ?? 0;
  const use = await formatUse(layer, weight, format, { opset, signal });
  const isFolded = isFoldedInto(prepared, request.layer, original.tensor, weight.tensor);
  return { layer, weight, use, isFolded };
}

async function storedIn(
  { model, path }: OpenedModel,
  request: WeightStatisticsRequest,
  signal: CancelSignal,
): Promise<StoredUse | undefined> {
  const { layer } = findWeight(model, path, request);
  const index = indexGraph(model);
  return storedUse(index, inferShapes(index, request.dimensions), layer, request.weight ?? 0, signal);
}

function formatIn(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new InputError(format.mistake);
  if (format.scheme === 'float')
    throw new InputError('The scheme float leaves a weight as it is: name another.');
  return format;
}
