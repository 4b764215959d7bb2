import type sharp from 'sharp';
import { InputError } from '../../core/errors';
import { INSTALL_AGAIN, whyNotLoaded } from '../missingPackage';
import type { Image8 } from './resample';

/** A photograph of 100 megapixels is rare; larger ones are more likely bombs. */
const MAX_PIXELS = 100_000_000;

/**
 * Decodes an image file to its stored pixels, as Python's imaging libraries do: no rotation by EXIF, no colour profile,
 * transparency dropped.
 * @param channels 3 for RGB, 1 for gray (ITU-R 601 luma, rounded as Pillow does).
 * @throws InputError when the file cannot be decoded.
 */
export async function decodeImage(path: string, channels: 1 | 3): Promise<Image8> {
  const { default: read } = await loadSharp();
  let decoded: { data: Buffer; info: { width: number; height: number; channels: number } };
  try {
    decoded = await read(path, { ignoreIcc: true, limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (error) {
    // The library's reason may go on with lines of its own decoders.
    const [why = ''] = (error as Error).message.trim().split('\n', 1);
    throw new InputError(
      `${path} cannot be decoded (${why.replace(/\.$/, '')}). Replace the image or take it out of the data.`,
    );
  }
  const { data, info } = decoded;
  return { width: info.width, height: info.height, channels, data: convert(data, info.channels, channels) };
}

/** sharp, loaded on first use: not every platform has its binaries. */
export function loadSharp(): Promise<{ default: typeof sharp }> {
  return import('sharp').catch((error: unknown) => {
    throw new InputError(
      `Images can be neither read nor drawn: ${whyNotLoaded('sharp', error)}. ` +
        `Data in .npz files can be used without it. ${INSTALL_AGAIN}`,
      { cause: error },
    );
  });
}

/** Between gray, gray + alpha, RGB and RGBA, and RGB or gray. */
function convert(data: Uint8Array, from: number, to: 1 | 3): Uint8Array {
  if (from === to) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const pixels = data.length / from;
  const out = new Uint8Array(pixels * to);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const red = data[pixel * from] ?? 0;
    const green = from < 3 ? red : (data[pixel * from + 1] ?? 0);
    const blue = from < 3 ? red : (data[pixel * from + 2] ?? 0);
    if (to === 1) out[pixel] = from < 3 ? red : luma(red, green, blue);
    else out.set([red, green, blue], pixel * 3);
  }
  return out;
}

/** Pillow's fixed-point 0.299 R + 0.587 G + 0.114 B. */
function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}
