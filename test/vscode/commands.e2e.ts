import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { bytesField, concat, ids, varintField } from '../support/wire';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

/** A TensorProto with one image of noise, as ONNX test data has them. */
function imageTensor(seed: number): Buffer {
  const pixels = Float32Array.from(
    { length: 28 * 28 },
    (_, index) => ((index * 37 + seed * 101) % 256) / 255,
  );
  return concat(
    ...[1, 1, 28, 28].map((size) => varintField(ids.tensor.dims, size)),
    varintField(ids.tensor.dataType, 1),
    bytesField(ids.tensor.name, 'input'),
    bytesField(ids.tensor.rawData, new Uint8Array(pixels.buffer)),
  );
}

const testData = Object.fromEntries(
  Array.from({ length: 12 }, (_, index) => [
    `captured/test_data_set_${index}/input_0.pb`,
    imageTensor(index),
  ]),
);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', ...testData },
  });
});
afterAll(() => vscode?.close());

const figures = async (view: ModelView): Promise<string[]> => {
  const cells = await Promise.all(SAMPLE_LAYERS.map((layer) => view.cell(layer, 'sensitivity')));
  return SAMPLE_LAYERS.filter((_, index) => /^\d/.test(cells[index] ?? ''));
};

/** What the tooltip of a figure says about it. */
const label = async (view: ModelView, layer: string): Promise<string> =>
  (await view.layer(layer).locator('.cell.sensitivity').getAttribute('title')) ?? '';

const setBatch = async (view: ModelView, size: number): Promise<void> => {
  await view.frame.locator('.dimension input').fill(String(size));
  await vscode.page.keyboard.press('Tab');
};

it('quantizes without an editor: asks for the model, then for data, here a folder of ONNX test data', async () => {
  await vscode.command('Roundoff: Quantize Model…');
  await vscode.quickInput.waitFor('Quantize Model');
  await vscode.quickInput.answerPath(vscode.path('model.onnx'));
  await vscode.quickInput.waitFor('Calibration data for model.onnx');
  await vscode.quickInput.pick('Choose a Folder…');
  await vscode.quickInput.waitFor('Calibration Data');
  await vscode.quickInput.answerPath(vscode.path('captured'));
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('captured.onnx'));
  const { text } = await vscode.dialogs.notification('Wrote captured.onnx', 60_000);
  expect(text).toMatch(/5 layers quantized.*on 3 samples of the verify slice, as run: logits \d+\.\d dB/);
  expect(text).not.toContain('random');
  await expect.poll(() => vscode.tabNames()).toEqual([]);
  await vscode.command('Notifications: Clear All Notifications');
});

it('chooses data without an editor: opens the model, whose plan then has it as an edit', async () => {
  await vscode.command('Roundoff: Choose Calibration Data…');
  await vscode.quickInput.waitFor('Choose Calibration Data');
  await vscode.quickInput.answerPath(vscode.path('model.onnx'));
  await vscode.tab('model.onnx').waitFor();
  await vscode.quickInput.waitFor('Calibration data for model.onnx');
  await vscode.quickInput.pick('Random Inputs');
  await vscode.waitForDirty('model.onnx', true);
  const { frame } = await ModelView.shown(vscode);
  await expect.poll(() => frame.locator('header').innerText()).toContain('random inputs: figures will not');
  await frame.locator('[role=row][data-id]').first().click();
  await vscode.undo();
  await vscode.waitForDirty('model.onnx', false);
  await vscode.closeTab('model.onnx');
  await vscode.tab('model.onnx').waitFor({ state: 'detached' });
});

it('scans without an editor: asks for the model and opens it; random inputs are labelled as such', async () => {
  await vscode.command('Roundoff: Scan Layer Sensitivity…');
  await vscode.quickInput.waitFor('Scan Layer Sensitivity');
  await vscode.quickInput.answerPath(vscode.path('model.onnx'));
  await vscode.tab('model.onnx').waitFor();
  await acceptFormats(vscode);
  await vscode.quickInput.waitFor('Calibration data for model.onnx');
  await vscode.quickInput.pick('Random Inputs');
  const view = await ModelView.shown(vscode);
  await expect.poll(() => figures(view), { timeout: 60_000 }).toEqual(SAMPLE_LAYERS);
  await view.button('Scan Sensitivity').waitFor();
  await expect
    .poll(() => view.frame.locator('header').innerText())
    .toContain('random inputs: figures will not hold for real data');
  await expect
    .poll(() => label(view, 'node_conv2d'))
    .toMatch(/^KL, scan slice, 16 samples, simulated, random inputs: /);
});

it('scans only what is selected, by right-click: two layers, then a group', async () => {
  const view = await ModelView.shown(vscode);
  await setBatch(view, 32);
  await expect.poll(() => figures(view)).toEqual([]);
  await view.layer('node_conv2d_1').locator('.cell.name').click();
  await view
    .layer('node_linear')
    .locator('.cell.name')
    .click({ modifiers: ['ControlOrMeta'] });
  await view.menu('node_linear', 'Scan These Layers');
  await view.button('Cancel Scan').waitFor();
  await view.button('Scan Sensitivity').waitFor({ timeout: 60_000 });
  await expect.poll(() => figures(view)).toEqual(['node_conv2d_1', 'node_linear']);
  await vscode.contextMenu(view.group('layer1').locator('.cell.name'), 'Scan These Layers');
  await view.button('Cancel Scan').waitFor();
  await view.button('Scan Sensitivity').waitFor({ timeout: 60_000 });
  await expect.poll(() => figures(view)).toEqual(['node_conv2d', 'node_conv2d_1', 'node_linear']);
});

it('keeps and labels the figures of a scan that is cancelled from its notification', async () => {
  const view = await ModelView.shown(vscode);
  // Large batches: this and what follows is cancelled while it runs.
  await setBatch(view, 200);
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await expect.poll(() => figures(view), { timeout: 60_000, interval: 20 }).toContain('node_conv2d_2');
  await vscode.dialogs.pressInNotification('Scanning model.onnx', 'Cancel');
  await view.button('Scan Sensitivity').waitFor();
  await expect.poll(() => figures(view)).not.toContain('node_linear_1');
  await expect
    .poll(() => label(view, 'node_conv2d_2'))
    .toMatch(/^KL, scan slice, 16 samples, simulated, scan incomplete, random inputs: /);
  await expect.poll(() => view.frame.locator('.notice.error').count()).toBe(0);
});

it('leaves no file when a write is cancelled from its notification', async () => {
  const view = await ModelView.shown(vscode);
  const before = readdirSync(vscode.folder);
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('cancelled.onnx'));
  // The file is written under another name and then run; it gets its own name at the very end.
  const staged = (): boolean =>
    readdirSync(vscode.folder).some(
      (name) => name.startsWith('.cancelled') && existsSync(vscode.path(`${name}/cancelled.onnx`)),
    );
  await expect.poll(staged, { timeout: 60_000, interval: 5 }).toBe(true);
  await vscode.dialogs.pressInNotification('Quantizing model.onnx', 'Cancel');
  await vscode.dialogs.notificationGone('Quantizing model.onnx');
  await expect.poll(() => readdirSync(vscode.folder), { timeout: 5000 }).toEqual(before);
  expect(await vscode.dialogs.notifications()).toEqual([]);
});

it('says of a model calibrated with random inputs that it was', async () => {
  const view = await ModelView.shown(vscode);
  await setBatch(view, 1);
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('random.onnx'));
  const { text } = await vscode.dialogs.notification('Wrote random.onnx', 60_000);
  expect(text).toContain('Calibrated with random inputs: figures will not hold for real data.');
  expect(text).toContain('on 16 random samples of the verify slice');
});
