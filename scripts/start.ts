/**
 * `npm start [-- model.onnx] [--browser]`: opens the model in a real VS Code with this extension: the desktop one when
 * it is on the machine, otherwise VS Code in the browser.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ensureBrowserVsCode } from './vscode/browserVsCode';
import { findDesktop } from './vscode/desktop';
import { cacheFolder, projectRoot } from './vscode/paths';
import { quietSettings, startServer } from './vscode/server';
import { openInWindow, waitForWindow } from './vscode/windows';

async function main(): Promise<void> {
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const model = resolve(
    process.env['INIT_CWD'] ?? process.cwd(),
    named[0] ?? join(projectRoot, 'samples', 'mnist', 'mnist_cnn.onnx'),
  );
  if (!existsSync(model)) throw new Error(`There is no file ${model}`);
  const desktop = process.argv.includes('--browser') ? undefined : findDesktop();
  if (desktop !== undefined) openDesktop(desktop, model);
  else await serveBrowser(model);
}

function openDesktop(command: string, model: string): void {
  console.log(`Opening ${basename(model)} in ${command}`);
  const child = spawn(
    command,
    ['--new-window', `--extensionDevelopmentPath=${projectRoot}`, dirname(model), model],
    { stdio: 'inherit', shell: process.platform === 'win32' },
  );
  child.on('error', (error) => fail(error));
  child.on('exit', (code) => (process.exitCode = code ?? 1));
}

async function serveBrowser(model: string): Promise<void> {
  const vscode = await ensureBrowserVsCode((line) => console.log(line));
  const server = await startServer(vscode, {
    userDataFolder: join(cacheFolder, 'start', 'user-data'),
    extensionsFolder: await linkExtension(join(cacheFolder, 'start', 'extensions')),
    workspaceTrust: false,
    settings: { ...quietSettings, 'files.autoSave': 'off' },
  });
  const address = new URL(server.origin);
  address.searchParams.set('folder', dirname(model));
  console.log(`\nVS Code with Roundoff is at\n\n  ${address.href}\n\nCtrl-C stops it.`);
  // The address cannot name the model: VS Code would open it before it knows the extension, as a text file.
  const window = await waitForWindow(server.sessionSocket, model, () => server.ended() !== undefined);
  if (window !== undefined) await openInWindow(window, model);
  await server.closed;
  throw new Error(`The VS Code server ${server.ended()}. Its log:\n${server.log()}`);
}

/** An extensions folder whose only entry is this working tree, so that a rebuild and a reload show the change. */
async function linkExtension(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    publisher: string;
    name: string;
    version: string;
  };
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await symlink(
    projectRoot,
    join(folder, `${manifest.publisher}.${manifest.name}-${manifest.version}`),
    'junction',
  );
  return folder;
}

function fail(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

main().catch(fail);
