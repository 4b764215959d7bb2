import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BrowserVsCode } from './browserVsCode';

export interface ServerOptions {
  /** Holds the user's settings, state and logs of this server; made when absent. */
  userDataFolder: string;
  extensionsFolder: string;
  /** False: folders open trusted. True: they open in Restricted Mode until the user says otherwise. */
  workspaceTrust: boolean;
  /** User settings of a new user data folder; one that has settings keeps them. */
  settings: Record<string, unknown>;
}

export interface VsCodeServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly pid: number;
  /** Where `windows.ts` asks for the windows that are open. */
  readonly sessionSocket: string;
  /** The last lines that the server printed. */
  log(): string;
  /** Undefined while it runs; how it ended afterwards. */
  ended(): string | undefined;
  /** Resolves when it has ended, for whatever reason. */
  readonly closed: Promise<void>;
  /** Ends the server with everything that it started. Safe to call twice. */
  stop(): Promise<void>;
}

/** Settings that keep VS Code quiet: no tours, no network, nothing that moves by itself. */
export const quietSettings: Record<string, unknown> = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const startLimitMs = 60_000;

/**
 * Serves VS Code on a free port of 127.0.0.1, reachable from this machine only and without a password.
 * @throws Error with the end of the server's log when it ends or does not answer within a minute.
 */
export async function startServer(vscode: BrowserVsCode, options: ServerOptions): Promise<VsCodeServer> {
  await mkdir(join(options.userDataFolder, 'User'), { recursive: true });
  await mkdir(options.extensionsFolder, { recursive: true });
  await writeFile(
    join(options.userDataFolder, 'User', 'settings.json'),
    JSON.stringify(options.settings, null, 2),
    { flag: 'wx' },
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const config = join(options.userDataFolder, 'code-server.yaml');
  await writeFile(config, 'auth: none\n');
  // Not in the user data folder: the path of a socket may have no more than 107 bytes.
  const sessionSocket = join(await mkdtemp(join(tmpdir(), 'roundoff-')), 'windows.sock');
  const child = spawn(
    vscode.node,
    [
      vscode.entry,
      ...['--session-socket', sessionSocket],
      ...['--config', config, '--bind-addr', '127.0.0.1:0', '--auth', 'none'],
      ...['--user-data-dir', options.userDataFolder, '--extensions-dir', options.extensionsFolder],
      ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'],
      ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Without a gallery VS Code asks no server about extensions.
      env: { ...cleanEnvironment(), EXTENSIONS_GALLERY: '{"serviceUrl": ""}' },
      detached: true,
    },
  );
  return new RunningServer(child, sessionSocket).ready();
}

/** Installs a VSIX into an extensions folder, as a user would. */
export async function installVsix(
  vscode: BrowserVsCode,
  vsix: string,
  folders: { extensionsFolder: string; userDataFolder: string },
): Promise<void> {
  await mkdir(folders.userDataFolder, { recursive: true });
  const config = join(folders.userDataFolder, 'code-server.yaml');
  await writeFile(config, 'auth: none\n');
  const child = spawn(
    vscode.node,
    [
      vscode.entry,
      ...['--config', config, '--install-extension', vsix, '--force'],
      ...['--user-data-dir', folders.userDataFolder, '--extensions-dir', folders.extensionsFolder],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnvironment() },
  );
  const output = new LogTail(child);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0 || !output.text().includes('successfully installed'))
    throw new Error(`VS Code did not install ${vsix}:\n${output.text()}`);
}

class RunningServer implements VsCodeServer {
  origin = '';
  readonly pid: number;
  private readonly output: LogTail;
  private end: string | undefined;
  readonly closed: Promise<void>;

  constructor(
    child: ChildProcess,
    readonly sessionSocket: string,
  ) {
    this.output = new LogTail(child);
    this.pid = child.pid ?? -1;
    this.closed = new Promise((resolve) => {
      child.on('error', (error) => {
        this.end ??= `could not start: ${error.message}`;
        resolve();
      });
      child.on('exit', (code, signal) => {
        this.end ??= `ended with ${signal ?? `exit code ${code}`}`;
        resolve();
      });
    });
    process.once('exit', this.killAll);
    for (const signal of endSignals) process.on(signal, this.endWithUs);
  }

  async ready(): Promise<this> {
    const deadline = Date.now() + startLimitMs;
    while (this.origin === '') {
      if (this.end !== undefined) throw new Error(`The VS Code server ${this.end}. Its log:\n${this.log()}`);
      if (Date.now() > deadline) {
        await this.stop();
        throw new Error(
          `The VS Code server did not answer within ${startLimitMs / 1000} s. Its log:\n${this.log()}`,
        );
      }
      this.origin = /listening on (http:\/\/127\.0\.0\.1:\d+)/i.exec(this.log())?.[1] ?? '';
      if (this.origin === '') await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this;
  }

  log(): string {
    return this.output.text();
  }

  ended(): string | undefined {
    return this.end;
  }

  async stop(): Promise<void> {
    this.killAll();
    process.off('exit', this.killAll);
    for (const signal of endSignals) process.off(signal, this.endWithUs);
    await this.closed;
    await rm(dirname(this.sessionSocket), { recursive: true, force: true });
  }

  /** The server has a process group of its own, so a Ctrl-C in our terminal does not reach it. */
  private readonly endWithUs = (): void => {
    this.killAll();
    process.exit();
  };

  /** The server, its extension hosts and our engine share a process group, of which the server is the leader. */
  private readonly killAll = (): void => {
    if (this.pid < 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nothing of the group is left.
    }
  };
}

/** Keeps the end of what a process prints. */
class LogTail {
  private static readonly limit = 20_000;
  private kept = '';

  constructor(child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => this.add(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.add(chunk));
  }

  text(): string {
    return this.kept;
  }

  private add(chunk: Buffer): void {
    this.kept = (this.kept + chunk.toString('utf8')).slice(-LogTail.limit);
  }
}

/** A VS Code terminal or npm around us must not lead the server to its own settings. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) => !/^(VSCODE_|CODE_SERVER|CS_|ELECTRON_|npm_|NODE_OPTIONS$|PORT$|PASSWORD$|VITEST)/.test(key),
    ),
  );
}
