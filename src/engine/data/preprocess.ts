import { InputError } from '../../core/errors';
import type { Interpolation } from './resample';

/** `preprocess.json`: how the images of a folder become a model's input. */
export interface Preprocess {
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 'RGB' | 'BGR' | 'GRAY';
  /** [height, width]. */
  readonly resize?: readonly [number, number];
  /** Length of the shorter side; the other keeps the aspect. */
  readonly resizeShorter?: number;
  /** [height, width], after resizing. */
  readonly centerCrop?: readonly [number, number];
  readonly interpolation: Interpolation;
  /** Multiplied first; then mean is subtracted and std divides. */
  readonly scale: number;
  /** Per channel, in the order of `channels`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export const PREPROCESS_FILE = 'preprocess.json';

/** What the message about a missing file shows: torchvision's usual ImageNet preprocessing. */
export const PREPROCESS_EXAMPLE = JSON.stringify({
  layout: 'NCHW',
  channels: 'RGB',
  resize_shorter: 256,
  center_crop: [224, 224],
  interpolation: 'bilinear',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
});

const keys = new Set([
  'layout',
  'channels',
  'resize',
  'resize_shorter',
  'center_crop',
  'interpolation',
  'scale',
  'mean',
  'std',
]);

/** Larger than any model's input; a typing error would fill the memory. */
const MAX_SIDE = 16384;

/**
 * @param file what messages call it.
 * @throws InputError naming the key that is wrong and what it may be.
 */
export function parsePreprocess(text: string, file: string): Preprocess {
  const fail = (problem: string): InputError => new InputError(`${file}: ${problem}`);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw fail(`not valid JSON (${(error as Error).message}). Correct it.`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw fail('must be a JSON object.');
  const unknown = Object.keys(json).find((key) => !keys.has(key));
  if (unknown !== undefined) throw fail(`unknown key "${unknown}". Known: ${[...keys].join(', ')}.`);

  function oneOf<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
    const value = json[key] ?? fallback;
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw fail(`"${key}" must be one of ${allowed.join(', ')}.`);
    return found;
  }
  const isSide = (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_SIDE;
  function sides(key: string): readonly [number, number] | undefined {
    const value = json[key];
    if (value === undefined) return undefined;
    const [height, width] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
    if (!isSide(height) || !isSide(width)) {
      throw fail(`"${key}" must be [height, width], whole numbers up to ${MAX_SIDE}.`);
    }
    return [height, width];
  }
  const channels = oneOf('channels', ['RGB', 'BGR', 'GRAY'], 'RGB');
  const channelCount = channels === 'GRAY' ? 1 : 3;
  function perChannel(key: string, fallback: number): readonly number[] {
    const value = json[key] ?? fallback;
    const list = (Array.isArray(value) ? value : Array(channelCount).fill(value)) as unknown[];
    const numbers = list.filter((item): item is number => typeof item === 'number' && Number.isFinite(item));
    if (list.length !== channelCount || numbers.length !== channelCount) {
      throw fail(`"${key}" must be ${channelCount === 1 ? 'a number' : `${channelCount} numbers`}.`);
    }
    return numbers;
  }
  const resizeShorter = json['resize_shorter'];
  if (resizeShorter !== undefined && !isSide(resizeShorter)) {
    throw fail(`"resize_shorter" must be a whole number up to ${MAX_SIDE}.`);
  }
  const resize = sides('resize');
  if (resize && resizeShorter !== undefined) throw fail('"resize" and "resize_shorter" exclude each other.');
  const scale = json['scale'] ?? 1;
  if (typeof scale !== 'number' || !Number.isFinite(scale)) throw fail('"scale" must be a number.');
  const std = perChannel('std', 1);
  if (std.includes(0)) throw fail('"std" must not be 0.');
  return {
    layout: oneOf('layout', ['NCHW', 'NHWC'], 'NCHW'),
    channels,
    resize,
    resizeShorter,
    centerCrop: sides('center_crop'),
    interpolation: oneOf('interpolation', ['bilinear', 'bicubic', 'nearest'], 'bilinear'),
    scale,
    mean: perChannel('mean', 0),
    std,
  };
}
