import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import sharp from 'sharp';

const GAP = 8;

/** Pictures of the same thing in several themes, which are put side by side in one file. */
export class Album {
  private readonly pictures = new Map<string, Buffer[]>();

  constructor(private readonly folder: string) {}

  /** Takes a picture of an element, which is scrolled to; one that is not there is told. */
  async take(name: string, element: Locator): Promise<void> {
    try {
      const picture = await element.screenshot({ animations: 'disabled', timeout: 10_000 });
      this.pictures.set(name, [...(this.pictures.get(name) ?? []), picture]);
    } catch (error) {
      console.log(
        `No picture of ${name}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      );
    }
  }

  /** Writes one PNG for each name. @returns their paths. */
  async write(): Promise<string[]> {
    await mkdir(this.folder, { recursive: true });
    return Promise.all(
      [...this.pictures].map(async ([name, pictures]) => {
        const path = join(this.folder, `${name}.png`);
        await sideBySide(pictures, path);
        return path;
      }),
    );
  }
}

async function sideBySide(pictures: readonly Buffer[], path: string): Promise<void> {
  const sizes = await Promise.all(pictures.map((picture) => sharp(picture).metadata()));
  let left = 0;
  const placed = pictures.map((input, at) => {
    const place = { input, left, top: 0 };
    left += (sizes[at]?.width ?? 0) + GAP;
    return place;
  });
  const height = Math.max(...sizes.map((size) => size.height));
  await sharp({ create: { width: left - GAP, height, channels: 3, background: '#808080' } })
    .composite(placed)
    .toFile(path);
}
