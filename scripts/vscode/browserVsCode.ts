/**
 * VS Code in the browser: the code-server package (the real workbench and extension host) with a Node of its own, both
 * from npm, set up once under `.vscode-test/browser`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder, onPath } from './paths';

/** VS Code 1.139.1. It asks for Node 24 exactly, whatever the project itself runs on. */
const codeServerVersion = '4.139.1';
const nodeVersion = '24.21.0';

const folder = join(cacheFolder, 'browser');
const nodePackage = join(folder, 'node', 'node_modules', nodePackageName());
const entry = join(folder, 'code-server', 'node_modules', 'code-server', 'out', 'node', 'entry.js');
/** Written last: its absence means that an earlier set-up did not finish. */
const marker = join(folder, 'installed.json');
const logFile = join(folder, 'install.log');

export interface BrowserVsCode {
  /** Node executable to run `entry` with. */
  node: string;
  entry: string;
}

/**
 * Sets VS Code for the browser up if it is not there yet (about two minutes and 800 MB) and says where it is.
 * @throws Error naming the packages to install when the machine cannot build its native modules, or with the end of
 * the log when npm fails.
 */
export async function ensureBrowserVsCode(report: (line: string) => void): Promise<BrowserVsCode> {
  const installed: BrowserVsCode = { node: join(nodePackage, 'bin', 'node'), entry };
  const wanted = JSON.stringify({
    codeServer: codeServerVersion,
    node: nodeVersion,
    platform: nodePackageName(),
  });
  const found = await readFile(marker, 'utf8').catch(() => '');
  if (found === wanted && existsSync(installed.node) && existsSync(entry)) return installed;

  checkBuildTools();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  report(`Setting up VS Code for the browser in ${folder} (once, about two minutes)`);
  report(`  1/2 Node ${nodeVersion}`);
  await npmInstall('node', `${nodePackageName()}@${nodeVersion}`, { npm_config_ignore_scripts: 'true' });
  report(`  2/2 code-server ${codeServerVersion}, building its native modules (log: ${logFile})`);
  const heartbeat = setInterval(() => report('      still building'), 30_000);
  try {
    await npmInstall('code-server', `code-server@${codeServerVersion}`, {
      npm_config_ignore_scripts: 'false',
      npm_config_nodedir: nodePackage,
      PATH: join(nodePackage, 'bin') + delimiter + (process.env['PATH'] ?? ''),
    });
  } finally {
    clearInterval(heartbeat);
  }
  if (!existsSync(entry)) throw new Error(`npm installed code-server, but ${entry} is missing`);
  await writeFile(marker, wanted);
  report('  done');
  return installed;
}

function nodePackageName(): string {
  return `node-${process.platform}-${process.arch}`;
}

/** @throws Error that names the packages to install when code-server cannot be built here. */
export function checkBuildTools(): void {
  if (process.platform === 'win32')
    throw new Error(
      'VS Code for the browser does not run on Windows. Install desktop VS Code (https://code.visualstudio.com)',
    );
  const needs: { package: string; found: boolean }[] = [
    { package: 'python3', found: onPath('python3') !== undefined },
    { package: 'make', found: onPath('make') !== undefined },
    { package: 'g++', found: onPath('g++', 'c++', 'clang++') !== undefined },
  ];
  if (process.platform === 'linux')
    needs.push({ package: 'libkrb5-dev', found: onPath('krb5-config') !== undefined });
  const missing = needs.filter((need) => !need.found).map((need) => need.package);
  if (missing.length === 0) return;
  throw new Error(
    `VS Code for the browser cannot be set up: ${missing.join(', ')} missing. ` +
      (process.platform === 'darwin'
        ? 'Run: xcode-select --install'
        : `On Debian or Ubuntu run: sudo apt-get install -y ${missing.join(' ')}`),
  );
}

/** `npm install <spec>` in a folder of its own, so that the project's `.npmrc` (no scripts) does not apply to it. */
async function npmInstall(name: string, spec: string, env: Record<string, string>): Promise<void> {
  const cwd = join(folder, name);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, 'package.json'), '{ "private": true }\n');
  await writeFile(join(cwd, '.npmrc'), `ignore-scripts=${env['npm_config_ignore_scripts'] ?? 'true'}\n`);
  const output: Buffer[] = [];
  const child = spawn('npm', ['install', '--no-audit', '--no-fund', '--foreground-scripts', spec], {
    cwd,
    env: { ...withoutNpmSettings(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Error(`npm cannot be started from ${dirname(cwd)}: ${error.message}`)),
    );
    child.on('close', resolve);
  });
  const log = Buffer.concat(output);
  await appendFile(logFile, log);
  if (code !== 0) {
    const tail = log.toString('utf8').trimEnd().split('\n').slice(-25).join('\n');
    throw new Error(`npm install ${spec} failed (exit code ${code}). Log: ${logFile}\n${tail}`);
  }
}

/** Settings of the npm that started us, about its own Node and this project; they would win over those we give. */
const outerNpm =
  /^npm_(package_|lifecycle_|node_execpath$|execpath$|command$|config_(ignore_scripts|nodedir|node_gyp|omit|user_agent|npm_version|(local_|global_)?prefix)$)/i;

function withoutNpmSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !outerNpm.test(key)));
}
