import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { packageExtension } from '../../../scripts/package/packageExtension';
import { ensureBrowserVsCode } from '../../../scripts/vscode/browserVsCode';
import { installVsix } from '../../../scripts/vscode/server';

/** Packages what `npm run build` left in dist/ and the empty editor beside it, and installs both in a new temporary folder. */
export async function installBoth(): Promise<{ folder: string; extensions: string }> {
  const vscode = await ensureBrowserVsCode(console.log);
  const folder = await mkdtemp(join(tmpdir(), 'roundoff-view-'));
  const extensionsFolder = join(folder, 'extensions');
  const ours = join(folder, 'roundoff.vsix');
  const empty = join(folder, 'empty.vsix');
  await packageExtension(ours);
  await createVSIX({
    cwd: join(import.meta.dirname, 'emptyEditor'),
    packagePath: empty,
    dependencies: false,
    allowMissingRepository: true,
    skipLicense: true,
  });
  for (const vsix of [ours, empty])
    await installVsix(vscode, vsix, { extensionsFolder, userDataFolder: join(folder, 'user-data') });
  return { folder, extensions: extensionsFolder };
}
