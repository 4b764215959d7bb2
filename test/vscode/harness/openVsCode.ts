import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { ensureBrowserVsCode } from '../../../scripts/vscode/browserVsCode';
import { chromiumFlags, findChromium } from '../../../scripts/vscode/chromium';
import { projectRoot } from '../../../scripts/vscode/paths';
import { quietSettings, startServer, type VsCodeServer } from '../../../scripts/vscode/server';
import { waitForWindow } from '../../../scripts/vscode/windows';
import { VsCode } from './vsCode';

export interface VsCodeOptions {
  /** Files of the workspace: name in it → a file or folder to copy (absolute or from the repository), or bytes. */
  files: Record<string, string | Uint8Array>;
  /** Folder with the installed extensions: `inject('extensionsFolder')` in a test. */
  extensionsFolder: string;
  /** `off` (default), or `default`: what VS Code in the browser does by itself, saving about 1 s after an edit. */
  autoSave?: 'off' | 'default';
  /** `restricted`: the folder opens in Restricted Mode. Default `trusted`. */
  trust?: 'trusted' | 'restricted';
  /** Default `light`. */
  theme?: Theme;
  /** Further user settings. */
  settings?: Record<string, unknown>;
  /** Default 1280 × 800. */
  size?: { width: number; height: number };
}

export type Theme = 'light' | 'dark' | 'highContrast' | 'highContrastLight';

/** The settings' names of the themes. */
export const themeNames: Record<Theme, string> = {
  light: 'Light Modern',
  dark: 'Dark Modern',
  highContrast: 'Default High Contrast',
  highContrastLight: 'Default High Contrast Light',
};

const pageLimitMs = 90_000;

/**
 * Starts a VS Code of its own (server, user data, browser) on a temporary workspace with the given files, and waits
 * until its extensions are ready. Call `close()` at the end, also after a failure.
 * @throws Error with the server's log when the server ends or the page does not load.
 */
export async function openVsCode(options: VsCodeOptions): Promise<VsCode> {
  const temporary = realpathSync(await mkdtemp(join(tmpdir(), 'roundoff-e2e-')));
  const folder = join(temporary, 'workspace');
  let server: VsCodeServer | undefined;
  let browser: Browser | undefined;
  const release = async () => {
    await browser?.close();
    await server?.stop();
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await fillWorkspace(folder, options.files);
    server = await startServer(await ensureBrowserVsCode(console.log), {
      userDataFolder: join(temporary, 'user-data'),
      extensionsFolder: options.extensionsFolder,
      workspaceTrust: options.trust === 'restricted',
      settings: {
        ...quietSettings,
        'workbench.colorTheme': themeNames[options.theme ?? 'light'],
        // The folder is restricted without asking, and stays so until a test grants trust.
        'security.workspace.trust.startupPrompt': 'never',
        // An editor that takes the focus when it has loaded, on a slow machine, would close the question just asked.
        'workbench.quickOpen.closeOnFocusLost': false,
        ...(options.autoSave === 'default' ? {} : { 'files.autoSave': 'off' }),
        ...options.settings,
      },
    });
    browser = await chromium.launch({ executablePath: findChromium(), args: chromiumFlags });
    const page = await browser.newPage({ viewport: options.size ?? { width: 1280, height: 800 } });
    page.setDefaultTimeout(20_000);
    const vscode = new VsCode(page, server, folder, release);
    await load(vscode, server);
    return vscode;
  } catch (error) {
    await release();
    throw error;
  }
}

async function load(vscode: VsCode, server: VsCodeServer): Promise<void> {
  const deadline = Date.now() + pageLimitMs;
  try {
    await vscode.page.goto(`${server.origin}/?folder=${encodeURIComponent(vscode.folder)}`, {
      timeout: pageLimitMs,
    });
    await vscode.page
      .locator('.explorer-folders-view .monaco-list-row')
      .first()
      .waitFor({ timeout: pageLimitMs });
  } catch (error) {
    throw loadFailure(server, error);
  }
  const window = await waitForWindow(
    server.sessionSocket,
    join(vscode.folder, 'any'),
    () => Date.now() > deadline || server.ended() !== undefined,
  );
  if (window === undefined) throw loadFailure(server, 'its extension host did not start');
}

function loadFailure(server: VsCodeServer, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  const end = server.ended();
  return new Error(
    `VS Code did not load: ${end === undefined ? why : `the server ${end}`}. The server's log:\n${server.log()}`,
  );
}

async function fillWorkspace(folder: string, files: VsCodeOptions['files']): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const target = join(folder, name);
    await mkdir(dirname(target), { recursive: true });
    if (typeof content === 'string') await cp(resolve(projectRoot, content), target, { recursive: true });
    else await writeFile(target, content);
  }
}
