import type { Layer } from '../graph/types';
import { axisLayout } from '../quant/affine';
import { errorByChannel } from '../quant/errorByChannel';
import type { LayerFormat } from '../quant/layerFormat';
import { sliceRanges, tensorLayout } from '../quant/layouts';
import { encodeWeight } from '../rewrite/weights/encodeWeight';
import { floatsOf } from '../rewrite/weights/floatValues';
import { weightSite } from '../rewrite/weights/weightSite';

/** What a format does to the weights of a layer: sums of squares. */
export interface WeightLoss {
  readonly energy: number;
  /** Of what lies beyond the numbers that the format can hold: squared distances to them. */
  readonly clipping: number;
  /** The rest. */
  readonly rounding: number;
  /** Error per output channel; absent: the operator has none. */
  readonly channels?: Float64Array;
  /** Greatest magnitude per output channel; absent as well. */
  readonly magnitudes?: Float32Array;
  /** All channels have one scale or one table. */
  readonly isShared: boolean;
}

/**
 * Encodes the weights of a layer as they are written without data, and compares.
 * @param opset of the prepared model that the layer is of.
 * @throws InputError for a format that the weights or the operator set cannot have.
 */
export async function weightLoss(layer: Layer, opset: number, format: LayerFormat): Promise<WeightLoss> {
  let [energy, noise, clipping] = [0, 0, 0];
  let isShared = format.scheme !== 'fp16';
  let channels: Float64Array | undefined;
  let magnitudes: Float32Array | undefined;
  for (const weight of layer.weights) {
    const site = weightSite(layer.ref, weight, opset);
    const { dims } = weight.tensor;
    const layout = site.channelAxis === undefined ? tensorLayout(dims) : axisLayout(dims, site.channelAxis);
    const encoded = encodeWeight(weight.tensor, site, format);
    const values = await floatsOf(weight.tensor);
    const own = errorByChannel(values, await encoded.values(), await encoded.limits(), layout);
    energy += sumOf(own.energy);
    noise += sumOf(own.noise);
    clipping += sumOf(own.clipping);
    isShared &&= encoded.words.granularity === 'per-tensor';
    if (site.channelAxis === undefined) continue;
    const { min, max } = sliceRanges(values, layout);
    const known = { noise: channels, magnitudes };
    channels = own.noise.map((sum, channel) => sum + (known.noise?.[channel] ?? 0));
    magnitudes = max.map((high, channel) =>
      Math.max(high, -(min[channel] ?? 0), known.magnitudes?.[channel] ?? 0),
    );
  }
  return {
    energy,
    clipping,
    rounding: Math.max(0, noise - clipping),
    ...(channels && magnitudes && { channels, magnitudes }),
    isShared,
  };
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Squared error. */
export function noiseOf({ clipping, rounding }: Pick<WeightLoss, 'clipping' | 'rounding'>): number {
  return clipping + rounding;
}

/** Noise over signal; 0 for no noise. */
export function nmseOf(loss: Pick<WeightLoss, 'clipping' | 'rounding' | 'energy'>): number {
  const noise = noiseOf(loss);
  return noise > 0 ? noise / loss.energy : 0;
}

/** Signal over noise in dB; null where one of them is nothing. */
export function sqnrOf(loss: Pick<WeightLoss, 'clipping' | 'rounding' | 'energy'>): number | null {
  const nmse = nmseOf(loss);
  return nmse > 0 && Number.isFinite(nmse) ? -10 * Math.log10(nmse) : null;
}

/** Clipping and rounding as shares of the squared error; without any, both are 0. */
export function sharesOf({ clipping, rounding }: Pick<WeightLoss, 'clipping' | 'rounding'>): {
  clipping: number;
  rounding: number;
} {
  const noise = clipping + rounding;
  return noise > 0
    ? { clipping: clipping / noise, rounding: rounding / noise }
    : { clipping: 0, rounding: 0 };
}

/** Greatest magnitude of the widest channel over that of the median one; channels of zeros do not count. */
export function channelSpread({ magnitudes }: WeightLoss): number {
  const ascending = magnitudes?.filter((magnitude) => magnitude > 0).sort();
  if (!ascending || ascending.length === 0) return 1;
  const middle = (ascending.length - 1) / 2;
  const median = ((ascending[Math.floor(middle)] ?? 0) + (ascending[Math.ceil(middle)] ?? 0)) / 2;
  return (ascending.at(-1) ?? 0) / median;
}

/** The channels with most of the error, and their shares of it. */
export function worstChannels(loss: WeightLoss, count: number): { channel: number; share: number }[] {
  const noise = noiseOf(loss);
  if (!loss.channels || !(noise > 0)) return [];
  return Array.from(loss.channels, (own, channel) => ({ channel, share: own / noise }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, count);
}
