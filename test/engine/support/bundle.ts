import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../../..');

/**
 * Bundles programs the way the product's are, as `<name>.mjs` in a new folder inside the repository, where native
 * packages are found. Returns the folder.
 */
export async function bundlePrograms(entries: Readonly<Record<string, string>>): Promise<string> {
  const parent = join(root, 'test-output', 'bundles');
  mkdirSync(parent, { recursive: true });
  const outdir = mkdtempSync(join(parent, 'program-'));
  await build({
    absWorkingDir: root,
    entryPoints: { ...entries },
    outdir,
    outExtension: { '.js': '.mjs' },
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
  return outdir;
}
