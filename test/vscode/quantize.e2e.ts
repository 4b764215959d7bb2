import { existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', 'test.npz': 'samples/mnist/test.npz' },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

it('asks for data, shows what is in it, and fills the sensitivity column', async () => {
  const view = await ModelView.shown(vscode);
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await chooseDataBeside(vscode, 'test.npz');
  const header = view.frame.locator('header');
  await expect
    .poll(() => header.innerText(), { timeout: 30_000 })
    .toMatch(/values 0 to 1 · float top-1 9\d\.\d %/);
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await view.button('Scan Sensitivity').waitFor();
  await expect
    .poll(() => view.layer('node_conv2d').locator('.cell.sensitivity').getAttribute('title'))
    .toMatch(/^KL, scan slice, \d+ samples, simulated: /);
  await vscode.screenshot('scanned');
});

it('ranks the layers by sensitivity, the worst first', async () => {
  const view = await ModelView.shown(vscode);
  await view.frame.getByRole('button', { name: 'Sensitivity', exact: true }).click();
  await expect.poll(() => view.frame.locator('[role=row].group').count()).toBe(0);
  const shown = async (): Promise<number[]> =>
    Promise.all((await view.layers()).map(async (layer) => Number(await view.cell(layer, 'sensitivity'))));
  await expect
    .poll(async () => {
      const figures = await shown();
      return figures.slice(1).every((figure, index) => figure <= (figures[index] ?? NaN));
    })
    .toBe(true);
  expect(new Set(await shown()).size).toBeGreaterThan(1);
  await view.frame.getByRole('button', { name: 'Sensitivity', exact: true }).click();
  await view.frame.getByRole('button', { name: 'Sensitivity', exact: true }).click();
  await view.group('layer1').waitFor();
});

it('writes the quantized model as planned and says what came of it', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  await view.waitForScheme('node_conv2d', 'float');
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Quantized');
  await expect.poll(() => vscode.quickInput.value()).toBe(vscode.path('model.w8a8.onnx'));
  await vscode.quickInput.answerPath(vscode.path('model.w8a8.onnx'));
  const { text, buttons } = await vscode.dialogs.notification('Wrote model.w8a8.onnx', 60_000);
  expect(text).toMatch(/1\.95 MB → \d+ kB \(2\d\.\d %\), 4 layers quantized, 1 float/);
  expect(text).toMatch(
    /Output SQNR against float on \d+ samples of the verify slice, as run: logits \d\d\.\d dB/,
  );
  expect(buttons).toContain('Open');
  await vscode.screenshot('written');
  expect(statSync(vscode.path('model.w8a8.onnx')).size).toBeLessThan(
    0.27 * statSync(vscode.path('model.onnx')).size,
  );
  // The plan stays an unsaved edit of the editor: writing a model saves nothing.
  await expect.poll(() => vscode.isDirty('model.onnx')).toBe(true);
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
});

it('opens the result: the same layers, int8 where quantized', async () => {
  await vscode.dialogs.pressInNotification('Wrote model.w8a8.onnx', 'Open');
  await vscode.tab('model.w8a8.onnx').waitFor();
  const view = await ModelView.shown(vscode, 'model.w8a8.onnx');
  await expect.poll(() => view.layers()).toHaveLength(SAMPLE_LAYERS.length);
  const dtypes = (await view.frame.locator('[data-id^="row:"] .cell.shape').allTextContents()).map(
    (text) => text.trim().split(' ').at(-1) ?? '',
  );
  expect(dtypes).toEqual(['float', 'int8', 'int8', 'int8', 'int8']);
  await expect.poll(() => view.cell('node_linear', 'scheme')).toBe('int8');
  await vscode.screenshot('quantized-model');
});

it('compares the two models and shows what came of it', async () => {
  await vscode.tab('model.onnx').click();
  await ModelView.shown(vscode);
  await vscode.command('Roundoff: Compare With…');
  await vscode.quickInput.waitFor('Compare model.onnx With');
  await vscode.quickInput.pick('Choose a Model…');
  await vscode.quickInput.answerPath(vscode.path('model.w8a8.onnx'));
  const report = async (): Promise<string> => (await vscode.view()).locator('body').innerText();
  await expect.poll(report, { timeout: 60_000 }).toMatch(/model\.onnx against model\.w8a8\.onnx/);
  await expect.poll(() => report()).toMatch(/top-1/);
});

it('quantizes from the explorer without an open editor', async () => {
  await vscode.contextMenu(vscode.explorerRow('model.onnx'), 'Quantize Model…');
  await chooseDataBeside(vscode, 'test.npz');
  await vscode.quickInput.waitFor('Quantized', 60_000);
  await vscode.quickInput.answerPath(vscode.path('second.onnx'));
  await vscode.dialogs.notification('Wrote second.onnx', 60_000);
  expect(readFileSync(vscode.path('second.onnx')).byteLength).toBeGreaterThan(100_000);
});
