import type { Layer, LayerWeight } from '../graph/types';
import type { CodesInUse, FormatUse } from '../inspectorResults';
import { floatTensor } from '../onnx/build';
import { elementCount } from '../onnx/tensor';
import { forEachBlock } from '../onnx/tensorBlocks';
import type { Tensor } from '../onnx/types';
import type { CancelSignal } from '../ports';
import { throwIfCancelled } from '../errors';
import { axisLayout } from '../quant/affine';
import { errorByChannel } from '../quant/errorByChannel';
import { formatText, type LayerFormat } from '../quant/layerFormat';
import { codebookKind } from '../quant/scheme';
import { differenceFrom } from '../quant/weights';
import type { NumberRange } from '../results';
import type { CodeUse } from '../rewrite/weights/encodedWeight';
import { encodeWeight } from '../rewrite/weights/encodeWeight';
import { floatsOf } from '../rewrite/weights/floatValues';
import { plainSite, weightSite } from '../rewrite/weights/weightSite';
import { channelErrorColumns } from './channelErrors';
import { differencesOf } from './differences';
import { sampleStride, StridedSample } from './stridedSample';
import { EXACT_ELEMENTS } from './weightStatistics';

/** Tables of a reply; each group of channels has one. */
export const MOST_TABLES = 16;

export interface FormatUseOptions {
  /** Of the model that the format would be written to. */
  readonly opset: number;
  /** Lowered by tests. */
  readonly exactElements?: number;
  readonly signal?: CancelSignal;
}

/**
 * What a format makes of one weight: codes, distinct values, error, codebook. What data would choose (range rule, gain) is as
 * it is without data. Of a weight above `EXACT_ELEMENTS` an excerpt is looked at: whole channels, evenly spread.
 * @throws InputError for a format that the layer cannot have, OnnxFileError, CancelledError
 */
export async function formatUse(
  layer: Layer,
  weight: LayerWeight,
  format: LayerFormat,
  { opset, exactElements = EXACT_ELEMENTS, signal }: FormatUseOptions,
): Promise<FormatUse> {
  const site = weightSite(layer.ref, weight, opset);
  const { tensor } = weight;
  const isWhole = elementCount(tensor) <= exactElements;
  const { tensor: excerpt, places } = isWhole
    ? { tensor, places: undefined }
    : await excerptOf(tensor, site.channelAxis, exactElements, signal);
  const encoded = encodeWeight(
    excerpt,
    isWhole || site.channelAxis !== undefined ? site : plainSite(opset),
    format,
  );
  const back = await encoded.values();
  throwIfCancelled(signal);
  const use = await encoded.codeUse();
  throwIfCancelled(signal);
  const values = await floatsOf(excerpt);
  const { sqnrDb, uniqueBefore, uniqueAfter } = differenceFrom(values, back);
  const axis = site.channelAxis;
  const errors =
    axis === undefined
      ? undefined
      : errorByChannel(values, back, await encoded.limits(), axisLayout(excerpt.dims, axis));
  const { exponents = null } = await encoded.fit();
  const { tables, scales } = use ?? {};
  return {
    scheme: formatText(format),
    bits: encoded.words.bits,
    method: isWhole ? 'exact' : 'excerpt',
    elements: elementCount(excerpt),
    sqnrDb,
    uniqueBefore: uniqueBefore ?? 0,
    uniqueAfter: uniqueAfter ?? 0,
    channelErrors:
      errors && axis !== undefined ? channelErrorColumns(errors, axis, tensor.dims[axis] ?? 0, places) : null,
    differences: differencesOf(values, back),
    codes: use ? codesFrom(use) : null,
    codebook: tables
      ? {
          tables: tables.slice(0, MOST_TABLES).map((table) => [...table]),
          groups: tables.length,
          scales: scales ? numberRange(scales) : null,
          exponents:
            codebookKind(format.scheme)?.kind === 'powers of two' && exponents ? [...exponents] : null,
        }
      : null,
    notes: [...encoded.notes],
  };
}

/** Counts as results tell them. */
export function codesFrom({
  possible,
  first,
  counts,
}: Pick<CodeUse, 'possible' | 'first' | 'counts'>): NonNullable<CodesInUse['codes']> {
  return { possible, used: counts.filter((count) => count > 0).length, first, counts: [...counts] };
}

/** How many there are, the least and the greatest. */
export function numberRange(values: Float32Array): NumberRange {
  return {
    count: values.length,
    min: values.reduce((least, value) => Math.min(least, value), Infinity),
    max: values.reduce((greatest, value) => Math.max(greatest, value), -Infinity),
  };
}

/** An excerpt of a weight, and which channels are in it. */
interface Excerpt {
  readonly tensor: Tensor;
  readonly places: Int32Array | undefined;
}

/** Whole channels, evenly spread, of about `elements` elements; without channels every n-th element. Read block by block. */
async function excerptOf(
  tensor: Tensor,
  axis: number | undefined,
  elements: number,
  signal: CancelSignal | undefined,
): Promise<Excerpt> {
  const total = elementCount(tensor);
  if (axis === undefined) {
    const stride = sampleStride(total, elements, tensor.dims);
    const sample = new StridedSample(total, stride);
    await forEachBlock(tensor, (block, start) => sample.add(block, start), { signal });
    return { tensor: floatTensor(tensor.name, sample.values), places: undefined };
  }
  const { outer, channels, inner } = axisLayout(tensor.dims, axis);
  const kept = Math.min(channels, Math.max(1, Math.floor((elements * channels) / total)));
  const places = Int32Array.from({ length: kept }, (_, k) => Math.floor((k * channels) / kept));
  const taken = new Int32Array(channels).fill(-1);
  places.forEach((channel, k) => (taken[channel] = k));
  const values = new Float32Array(outer * kept * inner);
  await forEachBlock(
    tensor,
    (block, start) => {
      for (let at = 0; at < block.length;) {
        const run = Math.floor((start + at) / inner);
        const within = (start + at) % inner;
        const length = Math.min(inner - within, block.length - at);
        const place = taken[run % channels] as number;
        const target = (Math.floor(run / channels) * kept + place) * inner + within;
        if (place >= 0) values.set(block.subarray(at, at + length), target);
        at += length;
      }
    },
    { signal },
  );
  const dims = tensor.dims.map((size, at) => (at === axis ? kept : size));
  return { tensor: floatTensor(tensor.name, values, dims), places };
}
