import { asNumbers } from '../../core/calibrate/floats';
import type { SampleDescription } from '../../core/compareResults';
import type { Feeds, RuntimeTensor } from '../../core/ports';
import { decodeImage, loadSharp } from './decodeImage';

type Picture = NonNullable<SampleDescription['picture']>;

/** Pixels of the longer side, at most: a PNG of them stays below 400 kB. */
const LONGEST = 288;

/** A small rendering of an image file, as it is before preprocessing. @throws InputError when it cannot be decoded. */
export async function pictureOfFile(path: string): Promise<Picture> {
  const { data, width, height } = await decodeImage(path, 3);
  return rendered(data, { width, height, channels: 3 }, 'file');
}

/** A small rendering of the first input that looks like one image, gray or in colours; null: none does. */
export async function pictureOfFeeds(feeds: Feeds): Promise<Picture | null> {
  for (const tensor of Object.values(feeds)) {
    const pixels = pixelsOf(tensor);
    if (pixels) return rendered(pixels.data, pixels, 'input');
  }
  return null;
}

interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

async function rendered(
  data: Uint8Array,
  { width, height, channels }: Raster,
  of: Picture['of'],
): Promise<Picture> {
  const { default: make } = await loadSharp();
  const { data: png, info } = await make(data, { raw: { width, height, channels } })
    .resize({ width: LONGEST, height: LONGEST, fit: 'inside', withoutEnlargement: true })
    .png()
    .toBuffer({ resolveWithObject: true });
  return {
    url: `data:image/png;base64,${png.toString('base64')}`,
    width: info.width,
    height: info.height,
    of,
  };
}

/** Bytes of [1, 1|3, H, W] or [1, H, W, 1|3], stretched from its least to its greatest value. */
function pixelsOf(tensor: RuntimeTensor): (Raster & { data: Uint8Array }) | undefined {
  const [batch, ...rest] = tensor.dims;
  const values = asNumbers(tensor);
  if (!values || batch !== 1 || rest.length !== 3) return undefined;
  const [first = 0, second = 0, third = 0] = rest;
  const isPlanar = first === 1 || first === 3;
  if (!isPlanar && third !== 1 && third !== 3) return undefined;
  const [channels, height, width] = isPlanar ? [first, second, third] : [third, first, second];
  const pixels = width * height;
  // A row of numbers is no picture.
  if (width < 4 || height < 4) return undefined;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const scale = max > min && Number.isFinite(max - min) ? 255 / (max - min) : 0;
  const data = new Uint8Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = isPlanar ? channel * pixels + pixel : pixel * channels + channel;
      data[pixel * channels + channel] = Math.round(((values[at] ?? 0) - min) * scale);
    }
  }
  return { width, height, channels: channels === 1 ? 1 : 3, data };
}
