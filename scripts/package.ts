/** `npm run package`: writes `roundoff-<platform>-<version>.vsix` for this machine's platform. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { thisPlatform } from './package/nativeModules';
import { packageExtension } from './package/packageExtension';
import { projectRoot } from './vscode/paths';

async function main(): Promise<void> {
  const manifest = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  const output = join(projectRoot, `${manifest.name}-${thisPlatform()}-${manifest.version}.vsix`);
  await packageExtension(output);
  console.log(`${output}: ${((await stat(output)).size / 1e6).toFixed(1)} MB`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
