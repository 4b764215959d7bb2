/**
 * Pillow's `Image.resize`, bit for bit: an antialiased separable filter whose support grows with the reduction, run in
 * fixed point, horizontally and then vertically, each pass rounding to 8 bits.
 * After Pillow's src/libImaging/Resample.c and Geometry.c. Other libraries' "bicubic" differ: preprocessing alone then
 * moves a model's accuracy.
 */

export type Interpolation = 'bilinear' | 'bicubic' | 'nearest';

/** 8-bit samples, channels interleaved, row-major. */
export interface Image8 {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

interface Filter {
  readonly support: number;
  weight(x: number): number;
}

const filters: Readonly<Record<Exclude<Interpolation, 'nearest'>, Filter>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
};

/** Keys' cubic convolution with a = −0.5. */
function bicubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/** Fraction bits of the weights: 32 less 8 for the sample and 2 for overshoot. */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/** Which input samples make an output sample, and with which fixed-point weights. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `size` weights per output sample. */
  readonly weights: Int32Array;
  readonly size: number;
}

/** `image` at `width` × `height`. Without a change of size it is returned as it is. */
export function resample(image: Image8, width: number, height: number, interpolation: Interpolation): Image8 {
  if (image.width === width && image.height === height) return image;
  if (interpolation === 'nearest') return nearest(image, width, height);
  const filter = filters[interpolation];
  const wide = image.width === width ? image : resampleRows(image, width, filter);
  return image.height === height ? wide : resampleColumns(wide, height, filter);
}

function computeTaps(inSize: number, outSize: number, filter: Filter): Taps {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * size);
  for (let out = 0; out < outSize; out++) {
    const center = (out + 0.5) * scale;
    const inverse = 1 / filterScale;
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const to = Math.min(inSize, Math.trunc(center + support + 0.5));
    const row = Array.from({ length: to - from }, (_, x) =>
      filter.weight((x + from - center + 0.5) * inverse),
    );
    const sum = row.reduce((total, weight) => total + weight, 0);
    first[out] = from;
    count[out] = row.length;
    row.forEach((weight, x) => (weights[out * size + x] = toFixed(sum === 0 ? weight : weight / sum)));
  }
  return { first, count, weights, size };
}

/** Rounds half away from zero. */
function toFixed(weight: number): number {
  return Math.trunc(weight * (1 << PRECISION_BITS) + (weight < 0 ? -0.5 : 0.5));
}

function resampleRows({ width, height, channels, data }: Image8, outWidth: number, filter: Filter): Image8 {
  const { first, count, weights, size } = computeTaps(width, outWidth, filter);
  const out = new Uint8ClampedArray(outWidth * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outWidth; x++) {
      const taps = count[x] ?? 0;
      const start = (y * width + (first[x] ?? 0)) * channels;
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        for (let tap = 0; tap < taps; tap++) {
          sum += (data[start + tap * channels + channel] ?? 0) * (weights[x * size + tap] ?? 0);
        }
        out[(y * outWidth + x) * channels + channel] = sum >> PRECISION_BITS;
      }
    }
  }
  return { width: outWidth, height, channels, data: new Uint8Array(out.buffer) };
}

function resampleColumns(
  { width, height, channels, data }: Image8,
  outHeight: number,
  filter: Filter,
): Image8 {
  const { first, count, weights, size } = computeTaps(height, outHeight, filter);
  const stride = width * channels;
  const out = new Uint8ClampedArray(outHeight * stride);
  for (let y = 0; y < outHeight; y++) {
    const taps = count[y] ?? 0;
    const start = (first[y] ?? 0) * stride;
    for (let x = 0; x < stride; x++) {
      let sum = HALF;
      for (let tap = 0; tap < taps; tap++) {
        sum += (data[start + tap * stride + x] ?? 0) * (weights[y * size + tap] ?? 0);
      }
      out[y * stride + x] = sum >> PRECISION_BITS;
    }
  }
  return { width, height: outHeight, channels, data: new Uint8Array(out.buffer) };
}

function nearest({ width, height, channels, data }: Image8, outWidth: number, outHeight: number): Image8 {
  const columns = nearestPositions(width, outWidth);
  const rows = nearestPositions(height, outHeight);
  const out = new Uint8Array(outWidth * outHeight * channels);
  let position = 0;
  for (const y of rows) {
    for (const x of columns) {
      const from = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) out[position++] = data[from + channel] ?? 0;
    }
  }
  return { width: outWidth, height: outHeight, channels, data: out };
}

/** Steps by repeated addition, as Pillow does: its rounding errors are part of the result. */
function nearestPositions(inSize: number, outSize: number): Int32Array {
  const step = inSize / outSize;
  const positions = new Int32Array(outSize);
  let at = step * 0.5;
  for (let out = 0; out < outSize; out++) {
    positions[out] = Math.min(Math.trunc(at), inSize - 1);
    at += step;
  }
  return positions;
}

/** The part of `image` in the middle; an odd remainder leaves one more pixel right and below. */
export function centerCrop(image: Image8, width: number, height: number): Image8 {
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const stride = width * image.channels;
  const out = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * image.channels;
    out.set(image.data.subarray(from, from + stride), y * stride);
  }
  return { width, height, channels: image.channels, data: out };
}
