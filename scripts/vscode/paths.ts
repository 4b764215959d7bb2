import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository, without a trailing separator. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** What is downloaded or built for running VS Code lives here; deleting it is always safe. */
export const cacheFolder = join(projectRoot, '.vscode-test');

/** The first of `names` that is an executable file on PATH (with .cmd and .exe tried on Windows), as a full path. */
export function onPath(...names: string[]): string | undefined {
  const endings = process.platform === 'win32' ? ['.cmd', '.exe'] : [''];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of folders) {
      const found = firstExecutable(...endings.map((ending) => join(folder, name + ending)));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The first of `files` that exists and may be executed. */
export function firstExecutable(...files: string[]): string | undefined {
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}
