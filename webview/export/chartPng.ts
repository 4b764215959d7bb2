import type { StandaloneSvg } from './standaloneSvg';

/** Pixels per pixel of the view, for screens of high density and for print. */
const SCALE = 2;

/** A chart as a picture. @throws Error when the browser cannot draw it. */
export async function chartPng({ text, width, height }: StandaloneSvg): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * SCALE);
  canvas.height = Math.round(height * SCALE);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error('The chart cannot be drawn.'))),
      'image/png',
    );
  });
}
