import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../../..');

/**
 * Bundles a program the way the product's are, into a folder of its own inside the repository, so that native packages
 * are found, and returns the path of the bundle.
 */
export async function bundleProgram(entry: string): Promise<string> {
  const parent = join(root, 'test-output', 'bundles');
  mkdirSync(parent, { recursive: true });
  const outfile = join(mkdtempSync(join(parent, 'program-')), 'program.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['onnxruntime-node', 'sharp'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return outfile;
}
