import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { packageExtension } from '../../../scripts/package/packageExtension';
import { ensureBrowserVsCode } from '../../../scripts/vscode/browserVsCode';
import { findChromium } from '../../../scripts/vscode/chromium';
import { installVsix } from '../../../scripts/vscode/server';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder into which VS Code installed the packaged extension. */
    extensionsFolder: string;
  }
}

/** Packages dist/ and installs the VSIX as a user would: once for all tests. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  findChromium();
  const vscode = await ensureBrowserVsCode(console.log);
  const temporary = await mkdtemp(join(tmpdir(), 'roundoff-install-'));
  try {
    const vsix = join(temporary, 'roundoff.vsix');
    await packageExtension(vsix);
    const extensionsFolder = join(temporary, 'extensions');
    await installVsix(vscode, vsix, { extensionsFolder, userDataFolder: join(temporary, 'user-data') });
    project.provide('extensionsFolder', extensionsFolder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return () => rm(temporary, { recursive: true, force: true });
}
