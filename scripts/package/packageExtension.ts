import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { projectRoot } from '../vscode/paths';
import { copyNativeModules, thisPlatform } from './nativeModules';

/** What may be shipped; `.vscodeignore` says which files of it are. */
const parts = [
  '.vscodeignore',
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'dist',
  'media',
  'schemas',
  'samples',
];

/**
 * Packages what `npm run build` left in dist/ as a VSIX for this machine's platform: the files that `.vscodeignore` lets
 * through, and the native modules in `dist/node_modules`, beside the bundles that load them. It is put together in a
 * temporary folder, so that the working tree keeps resolving its own node_modules.
 * @throws Error when a part is missing or vsce refuses the manifest.
 */
export async function packageExtension(output: string): Promise<void> {
  const missing = parts.filter((part) => !existsSync(join(projectRoot, part)));
  if (missing.length > 0)
    throw new Error(
      `The package needs ${missing.join(', ')}, which is not there. dist is made by: npm run build`,
    );
  const stage = await mkdtemp(join(tmpdir(), 'roundoff-package-'));
  try {
    for (const part of parts) await cp(join(projectRoot, part), join(stage, part), { recursive: true });
    await copyNativeModules(join(stage, 'dist', 'node_modules'));
    await createVSIX({
      cwd: stage,
      packagePath: output,
      target: thisPlatform(),
      dependencies: false,
      allowMissingRepository: true,
      rewriteRelativeLinks: false,
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
