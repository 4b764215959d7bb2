import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVSIX, listFiles, PackageManager } from '@vscode/vsce';
import { projectRoot } from '../vscode/paths';
import { copyNativeModules, thisPlatform } from './nativeModules';

/**
 * Packages what `npm run build` left in dist/ as a VSIX for this machine's platform. The files are those that
 * `.vscodeignore` lets through, and the native modules in `dist/node_modules`, next to the bundles that load them.
 * @throws Error when dist/ is missing or vsce refuses the manifest.
 */
export async function packageExtension(output: string): Promise<void> {
  if (!existsSync(join(projectRoot, 'dist', 'extension.cjs')))
    throw new Error('There is no dist/extension.cjs to package. Run: npm run build');
  const stage = await mkdtemp(join(tmpdir(), 'roundoff-package-'));
  try {
    for (const file of await listFiles({ cwd: projectRoot, packageManager: PackageManager.None }))
      await cp(join(projectRoot, file), join(stage, file));
    await copyNativeModules(join(stage, 'dist', 'node_modules'));
    await createVSIX({
      cwd: stage,
      packagePath: output,
      target: thisPlatform(),
      dependencies: false,
      allowMissingRepository: true,
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
