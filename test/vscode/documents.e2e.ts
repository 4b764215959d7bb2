import { existsSync, readFileSync } from 'node:fs';
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
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

it('brings unsaved changes of the plan back after the window was reloaded', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  await view.waitForScheme('node_conv2d', 'float');
  await vscode.waitForDirty('model.onnx', true);
  // VS Code backs up about a second after an edit, and in the browser stores which backup belongs to which tab every
  // five seconds: a reload before that shows the tab as unsaved without asking the extension for the backup.
  await vscode.page.waitForTimeout(8000);
  await vscode.page.reload();
  await vscode.tab('model.onnx').waitFor({ timeout: 60_000 });
  const again = await ModelView.shown(vscode);
  await again.waitForScheme('node_conv2d', 'float');
  await vscode.waitForDirty('model.onnx', true);
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
});

it('shows the same document in two editors side by side', async () => {
  await vscode.command('View: Split Editor Right');
  await expect
    .poll(() => vscode.page.locator('.tabs-container .tab[data-resource-name="model.onnx"]').count())
    .toBe(2);
  const shownFrames = async () => {
    const frames = vscode.page.frames().filter((frame) => frame.url().includes('fake.html'));
    const schemes = await Promise.all(
      frames.map((frame) => frame.locator('[data-id="row:node_linear"] .cell.scheme').allTextContents()),
    );
    return schemes.flat().filter(Boolean);
  };
  await expect.poll(shownFrames).toEqual(['w8a8', 'w8a8']);
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Keep Float');
  await expect.poll(shownFrames).toEqual(['float', 'float']);
});

it('saves a copy of the model with its plan under a new name', async () => {
  await vscode.command('File: Save As...');
  await vscode.quickInput.waitFor('Save As');
  await vscode.quickInput.answerPath(vscode.path('copy.onnx'));
  await vscode.tab('copy.onnx').first().waitFor();
  await expect.poll(() => existsSync(vscode.path('copy.quant.json'))).toBe(true);
  expect(readFileSync(vscode.path('copy.onnx')).equals(readFileSync(vscode.path('model.onnx')))).toBe(true);
  const { layers } = JSON.parse(readFileSync(vscode.path('copy.quant.json'), 'utf8')) as { layers: object };
  expect(Object.keys(layers)).toEqual(['node_conv2d', 'node_linear']);
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
});
