import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

const model = readFileSync(join(projectRoot, 'samples/mnist/mnist_cnn.onnx'));

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': model,
      'test.npz': 'samples/mnist/test.npz',
      'truncated.onnx': model.subarray(0, model.length / 2),
      'text.onnx': Buffer.from('These are not the weights you are looking for.'),
    },
  });
});
afterAll(() => vscode?.close());

/** The engine process of this VS Code. */
async function enginePid(): Promise<number> {
  const [engine] = await vscode.processes('engine.mjs');
  if (!engine) throw new Error('No engine runs.');
  return engine.pid;
}

it('shows the sentence of the engine in place of a truncated file', async () => {
  await vscode.openFile('truncated.onnx');
  const alert = (await vscode.view()).getByRole('alert');
  await alert.waitFor();
  await expect.poll(() => alert.innerText()).toMatch(/truncated\.onnx.*(truncated|ends|cut)/is);
  await vscode.screenshot('truncated');
});

it('says that a text file is not a model', async () => {
  await vscode.openFile('text.onnx');
  await expect
    .poll(async () => (await vscode.view()).getByRole('alert').innerText())
    .toMatch(/text\.onnx.*not an? .*ONNX|text/is);
});

it('goes on with a scan by itself when the engine is killed', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await vscode.command('Roundoff: Choose Calibration Data…');
  await chooseDataBeside(vscode, 'test.npz');
  await expect
    .poll(() => view.frame.locator('header').innerText(), { timeout: 30_000 })
    .toContain('test.npz');
  // Stopped first, so that the scan is surely under way when the engine dies.
  const pid = await enginePid();
  process.kill(pid, 'SIGSTOP');
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await view.button('Cancel Scan').waitFor();
  process.kill(pid, 'SIGKILL');
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await expect.poll(() => view.frame.locator('.notice.error').count()).toBe(0);
  expect(await enginePid()).not.toBe(pid);
});

it('cancels a scan at once from the view', async () => {
  const view = await ModelView.shown(vscode);
  const pid = await enginePid();
  // An engine that does not answer at all is the worst case: it must be killed.
  process.kill(pid, 'SIGSTOP');
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await view.button('Cancel Scan').click();
  await view.button('Scan Sensitivity').waitFor({ timeout: 5000 });
  await expect.poll(() => view.frame.locator('.notice.error').count()).toBe(0);
  expect((await vscode.dialogs.notifications()).filter(({ text }) => text.includes('engine'))).toEqual([]);
});
