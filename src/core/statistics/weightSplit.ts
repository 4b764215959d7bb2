import { InputError, throwIfCancelled } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer, LayerWeight } from '../graph/types';
import { sqnrOf, weightLoss } from '../explain/weightLoss';
import { inParts } from '../inParts';
import { elementCount } from '../onnx/rawBytes';
import { forEachBlock } from '../onnx/tensorBlocks';
import type { Model, Tensor } from '../onnx/types';
import { formatOf, onlyLayer } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { CancelSignal, Work } from '../ports';
import { bitsGrid, gridSize } from '../quant/errorGrid';
import { errorSplitInParts } from '../quant/errorSplit';
import { fixedRangeOf, integerFormatOf, withoutFixedRange } from '../quant/fixedRange';
import { extremesOf } from '../quant/extremes';
import { formatGrid, integerFormat } from '../quant/formatGrid';
import type { LayerFormat } from '../quant/layerFormat';
import { codebookKind, type CodebookScheme } from '../quant/scheme';
import type { ErrorSplitCurve } from '../rangeResults';
import { defaultOpset } from '../rewrite/opset';
import { isFoldedInto, prepareFloat } from '../rewrite/prepare';
import { floatsOf } from '../rewrite/weights/floatValues';
import { sampleStride, StridedSample } from './stridedSample';

/** Places of the handle: about one per pixel. */
export const SPLIT_STEPS = 240;

/** Weights up to this size are told exactly: sorting more takes seconds, and 20 bytes for each. */
const MOST_EXACT = 8_000_000;
/** Of larger ones: enough for the curves, and a quarter of the time. */
const SAMPLE = 2_000_000;

const INTEGERS_WITHOUT_TYPE =
  'No format has integers of this width with a range of its own: choose 8 or 4 bits.';

export interface WeightSplitOptions {
  readonly layer: string;
  /** Which of the layer's weights. */
  readonly position: number;
  readonly bits: number;
  /** A codebook scheme, with the values of whose table the weight is told instead of integers; `bits` is not looked at then. */
  readonly table?: CodebookScheme;
  /** Of larger weights a sample is taken, of at most two million elements; 8 million when absent. */
  readonly mostExact?: number;
}

/**
 * What a range of ±a costs one weight, as it is quantized (normalizations folded in), when all its channels share it.
 * @throws InputError when there is no such layer or weight, it is quantized already, or the width is not 2 to 16.
 * @throws CancelledError
 */
export async function weightSplit(
  model: Model,
  plan: Plan,
  { layer: name, position, bits: width, table, mostExact = MOST_EXACT }: WeightSplitOptions,
  work: Work = {},
): Promise<ErrorSplitCurve> {
  if (!Number.isInteger(width) || width < 2 || width > 16) {
    throw new InputError(`Bits must be a whole number from 2 to 16, not ${width}.`);
  }
  const stored = floatWeight(layerOf(model, plan, name), position);
  const planned = formatOf(plan, name);
  const format = table === undefined ? integerFormatOf(planned, width) : codebookFormat(planned, table);
  const ready = await prepareFloat(model, onlyLayer(plan, name, format ?? { scheme: 'w8' }));
  const layer = layerOf(ready.model, plan, name);
  const weight = floatWeight(layer, position);
  throwIfCancelled(work.signal);
  const { values, stride } = await valuesOf(weight.tensor, mostExact, work.signal);
  const family = (format && formatGrid(format, values)) ?? bitsGrid(width, { symmetric: true });
  const integer = format && integerFormat(format);
  // Of evenly spaced values only what of ±a the weight reaches into.
  const isUniform = table !== undefined && codebookKind(table)?.kind === 'uniform';
  const fixed = integer && format === planned ? fixedRangeOf(planned) : undefined;
  const parts = errorSplitInParts(values, family, {
    steps: SPLIT_STEPS,
    atMarkers: true,
    extremeShare: 1 / stride,
    ...(fixed !== undefined && { also: [fixed], planned: family.at(fixed) }),
  });
  const split = await inParts(parts, work);
  const extremes = extremesOf(values);
  const reach = Math.max(0, -extremes.min, extremes.max);
  const sqnrAsWritten = async (): Promise<number | null> => {
    const opset = defaultOpset(ready.model.opsetImport) ?? 0;
    return sqnrOf(await weightLoss({ ...layer, weights: [weight] }, opset, withoutFixedRange(planned)));
  };
  return {
    layer: name,
    value: stored.name,
    of: 'weight',
    bits: table === undefined ? width : bitsOf(table),
    type: integer?.type ?? null,
    table: table ?? null,
    method: stride === 1 ? 'exact' : 'sampled',
    stride,
    samples: null,
    random: false,
    elements: elementCount(weight.tensor),
    symmetric: !isUniform,
    extremes: isUniform && reach > 0 ? extremes : { min: -reach, max: reach },
    isFolded: isFoldedInto(ready.model, name, stored.tensor, weight.tensor),
    plannedDb: format && format === planned && stride === 1 ? await sqnrAsWritten() : null,
    whyNotFixed: whyNotFixed(format),
    ...split,
    planned: fixed === undefined ? null : split.planned && { min: -fixed, max: fixed, ...split.planned },
    possible: reach > 0 ? gridSize(family.at(reach)) : 0,
  };
}

/** The plan's format where it has this table, else the scheme as it is by itself. */
function codebookFormat(planned: LayerFormat, table: CodebookScheme): LayerFormat {
  return planned.scheme === table ? planned : { scheme: table };
}

function bitsOf(table: CodebookScheme): number {
  return Math.ceil(Math.log2(codebookKind(table)?.entries ?? 2));
}

function whyNotFixed(format: LayerFormat | undefined): string | null {
  if (!format) return INTEGERS_WITHOUT_TYPE;
  const { scheme } = format;
  switch (codebookKind(scheme)?.kind) {
    case undefined:
      return null;
    case 'uniform':
      return `${scheme} has no range to fix: its values go from the least to the greatest weight.`;
    case 'k-means':
      return `${scheme} has no range to fix: its values are those of least error. The chart stretches a table of the whole weight.`;
    case 'powers of two':
      return `${scheme} has no range to fix: its greatest power of two follows the greatest weight.`;
  }
}

/** @throws InputError when there is none. */
export function layerOf(model: Model, { dimensions = {} }: Plan, name: string): Layer {
  const index = indexGraph(model);
  const layer = findLayers(index, inferShapes(index, dimensions)).find((each) => each.name === name);
  if (layer) return layer;
  throw new InputError(`The model has no layer ${name}.`);
}

function floatWeight({ name, weights }: Layer, position: number): LayerWeight {
  const weight = weights[position];
  if (!weight) {
    throw new InputError(
      weights.length === 0
        ? `Layer ${name} has no constant weight.`
        : `Layer ${name} has ${weights.length} weights: there is none at ${position}.`,
    );
  }
  if (weight.stored.via === 'float' || weight.stored.via === 'cast') return weight;
  throw new InputError(
    `The weight of ${name} is stored as ${weight.dtype} already: open the float model to see what ranges would do.`,
  );
}

/** All values, or of more than `most` every `stride`-th, and the least and the greatest where they are not among these. */
async function valuesOf(
  tensor: Tensor,
  most: number,
  signal: CancelSignal | undefined,
): Promise<{ values: Float32Array; stride: number }> {
  const elements = elementCount(tensor);
  if (elements <= most) return { values: await floatsOf(tensor), stride: 1 };
  const stride = sampleStride(elements, Math.min(most, SAMPLE), tensor.dims);
  const sample = new StridedSample(elements, stride);
  let least = { value: Infinity, at: 0 };
  let greatest = { value: -Infinity, at: 0 };
  const visit = (block: Float32Array, start: number): void => {
    sample.add(block, start);
    let [min, max] = [least.value, greatest.value];
    for (let i = 0; i < block.length; i++) {
      const value = block[i] as number;
      if (value < min) least = { value: (min = value), at: start + i };
      if (value > max) greatest = { value: (max = value), at: start + i };
    }
  };
  await forEachBlock(tensor, visit, signal && { signal });
  const others = [least, greatest].filter(({ at }) => at % stride !== 0).map(({ value }) => value);
  const values = new Float32Array(sample.values.length + others.length);
  values.set(sample.values);
  values.set(others, sample.values.length);
  return { values, stride };
}
