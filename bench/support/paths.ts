import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Ignored by git: arrays, quantized models and figures of peers. */
export const outputFolder = join(root, 'bench', 'output');

/** A file of the models that stand beside the repository; undefined when they are not there. */
export function sharedModel(path: string): string | undefined {
  const file = join(root, '..', 'shared', 'models', path);
  return existsSync(file) ? file : undefined;
}
