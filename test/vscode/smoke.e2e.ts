import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';

let vscode: VsCode | undefined;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
});

afterAll(() => vscode?.close());

it('opens a double-clicked model in the editor of the extension', async () => {
  if (vscode === undefined) throw new Error('VS Code is not open');
  await vscode.openFile('model.onnx');
  const view = await vscode.view();
  await view.getByRole('treegrid').waitFor();
  await expect.poll(() => view.getByRole('row').count()).toBeGreaterThan(1);
  await vscode.screenshot('smoke');
  expect(await vscode.dialogs.notifications()).toEqual([]);
  expect(vscode.viewErrors()).toEqual([]);
});
