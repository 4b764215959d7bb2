import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { chromiumFlags, findChromium } from '../../scripts/vscode/chromium';
import { projectRoot } from '../../scripts/vscode/paths';
import { descendants, isRunning } from './harness/processes';
import { visibleWebview } from './harness/webviewFrame';

let start: ChildProcess | undefined;
let browser: Browser | undefined;

afterAll(async () => {
  await browser?.close();
  start?.kill('SIGTERM');
});

it('npm start serves the model it is given, and Ctrl-C ends all of it', async () => {
  const tsx = join(projectRoot, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  start = spawn(process.execPath, [tsx, 'scripts/start.ts', '--browser', 'samples/mnist/mnist_cnn.onnx'], {
    cwd: projectRoot,
    env: { ...process.env, INIT_CWD: projectRoot },
  });
  const { pid } = start;
  if (pid === undefined) throw new Error('npm start could not be started');
  let output = '';
  start.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  start.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => start?.on('exit', resolve));
  await expect.poll(() => output, { timeout: 60_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+\/\S*/);
  const address = /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(output)?.[0] ?? '';

  browser = await chromium.launch({ executablePath: findChromium(), args: chromiumFlags });
  const page = await browser.newPage();
  await page.goto(address, { timeout: 60_000 });
  await page.locator('.tab[data-resource-name="mnist_cnn.onnx"]').waitFor({ timeout: 60_000 });
  await (await visibleWebview(page)).getByRole('treegrid').waitFor();

  const family = await descendants(pid);
  expect(family.length).toBeGreaterThan(1);
  start.kill('SIGINT');
  expect(await ended).toBe(0);
  const left = () => Promise.all(family.map(async ({ pid: member }) => isRunning(member)));
  await expect.poll(left, { timeout: 10_000 }).not.toContain(true);
});
