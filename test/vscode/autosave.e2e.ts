import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    autoSave: 'default',
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
});
afterAll(() => vscode?.close());

it('saves an edit by itself where autosave is on, and undo is saved again', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  const saved = (): string => {
    try {
      return readFileSync(vscode.path('model.quant.json'), 'utf8');
    } catch {
      return '';
    }
  };
  await expect.poll(saved, { timeout: 10_000 }).toContain('"node_conv2d"');
  await vscode.waitForDirty('model.onnx', false);
  await vscode.undo();
  await view.waitForScheme('node_conv2d', 'w8a8');
  await expect.poll(saved, { timeout: 10_000 }).not.toContain('"node_conv2d"');
});
