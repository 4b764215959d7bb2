import { InputError } from '../../core/errors';
import type { RuntimeTensor, RuntimeType } from '../../core/ports';
import { numericArray } from './numericArray';
import type { Preprocess } from './preprocess';
import { centerCrop, resample, type Image8 } from './resample';

/**
 * Resizes and crops as `preprocess` says.
 * @param file what messages call the image.
 * @throws InputError when the image is smaller than the crop.
 */
export function frame(image: Image8, preprocess: Preprocess, file: string): Image8 {
  const [height, width] = targetSize(image, preprocess);
  const resized = resample(image, width, height, preprocess.interpolation);
  if (!preprocess.centerCrop) return resized;
  const [cropHeight, cropWidth] = preprocess.centerCrop;
  if (cropHeight > resized.height || cropWidth > resized.width) {
    throw new InputError(
      `${file} is ${resized.width}×${resized.height} after resizing: too small for center_crop ${cropWidth}×${cropHeight}.`,
    );
  }
  return centerCrop(resized, cropWidth, cropHeight);
}

/** [height, width] after resizing; the longer side is rounded down, as torchvision's Resize does. */
function targetSize(
  { width, height }: Image8,
  { resize, resizeShorter }: Preprocess,
): readonly [number, number] {
  if (resize) return resize;
  if (resizeShorter === undefined) return [height, width];
  return width < height
    ? [Math.trunc((resizeShorter * height) / width), resizeShorter]
    : [resizeShorter, Math.trunc((resizeShorter * width) / height)];
}

/**
 * The input tensor of one framed image, batch 1: (x · scale − mean) / std per channel.
 * @param image RGB, or gray when `preprocess.channels` is GRAY.
 */
export function imageTensor(image: Image8, preprocess: Preprocess, type: RuntimeType): RuntimeTensor {
  const { width, height, channels, data } = image;
  const { layout, scale, mean, std } = preprocess;
  const values = new Float64Array(data.length);
  const pixels = width * height;
  for (let channel = 0; channel < channels; channel++) {
    const source = preprocess.channels === 'BGR' ? channels - 1 - channel : channel;
    const shift = mean[channel] ?? 0;
    const divisor = std[channel] ?? 1;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = layout === 'NCHW' ? channel * pixels + pixel : pixel * channels + channel;
      values[at] = ((data[pixel * channels + source] ?? 0) * scale - shift) / divisor;
    }
  }
  const dims = layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels];
  return { type, dims, data: numericArray(type, values) };
}
