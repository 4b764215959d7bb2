import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    trust: 'restricted',
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', 'test.npz': 'samples/mnist/test.npz' },
  });
});
afterAll(() => vscode?.close());

it('opens a model in Restricted Mode and says that it will not run it', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await expect.poll(() => view.layers()).toEqual(SAMPLE_LAYERS);
  await view.frame.locator('.notice').filter({ hasText: 'Restricted Mode' }).waitFor();
  for (const name of ['Scan Sensitivity', 'Compare…', 'Write Quantized Model…']) {
    await expect.poll(() => view.button(name).getAttribute('disabled')).not.toBeNull();
  }
  await vscode.screenshot('restricted');
});

it.each([
  'Quantize Model…',
  'Write Quantized Model…',
  'Choose Calibration Data…',
  'Scan Layer Sensitivity…',
  'Search Hybrid Plan…',
  'Compare With…',
  'Write Report…',
])('refuses to run %s from the palette', async (title) => {
  await vscode.command(`Roundoff: ${title}`);
  const { text, buttons } = await vscode.dialogs.notification('models can be looked at, but not run');
  expect([text.includes('Restricted Mode'), buttons]).toEqual([true, ['Manage Workspace Trust']]);
  await vscode.command('Notifications: Clear All Notifications');
  await vscode.dialogs.notificationGone('models can be looked at');
});

it('still edits and saves the plan', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  await vscode.waitForDirty('model.onnx', true);
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  expect(existsSync(vscode.path('model.quant.json'))).toBe(true);
});
