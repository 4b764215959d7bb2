import { readdirSync, readFileSync } from 'node:fs';
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
});
afterAll(() => vscode?.close());

/** The text of a model's tree with all nodes shown; the view may keep that choice. */
async function operators(file: string): Promise<string> {
  const { frame } = await ModelView.shown(vscode, file);
  const toggle = frame.getByRole('checkbox', { name: 'Other nodes' });
  await expect.poll(() => toggle.count()).toBe(1);
  if (!(await toggle.isChecked())) await frame.getByText('Other nodes').click();
  await frame
    .getByRole('row', { name: /MaxPool/ })
    .first()
    .waitFor();
  return frame.getByRole('treegrid').innerText();
}

it('folds BatchNormalization from the palette, shows what came of it, and opens the file', async () => {
  const before = readFileSync(vscode.path('model.onnx'));
  await vscode.openFile('model.onnx');
  await expect.poll(() => operators('model.onnx')).toContain('BatchNormalization');
  await vscode.quickInput.typeCommand('Roundoff: Fold BatchNormalization…');
  await vscode.quickInput.waitFor('Fold BatchNormalization: model.onnx');
  await expect.poll(() => vscode.quickInput.value()).toBe(vscode.path('model.folded.onnx'));
  await vscode.page.keyboard.press('Enter');
  const { text, buttons } = await vscode.dialogs.notification('Wrote model.folded.onnx', 60_000);
  expect(text).toMatch(/^Wrote model\.folded\.onnx: 3 nodes folded, 1\.95 MB → 1\.9\d MB/);
  expect(buttons).toEqual(['Open']);
  await vscode.explorerRow('model.folded.onnx').waitFor();
  await vscode.screenshot('rewritten');
  await vscode.dialogs.pressInNotification('Wrote model.folded.onnx', 'Open');
  await vscode.tab('model.folded.onnx').waitFor();
  await expect.poll(() => operators('model.folded.onnx')).not.toContain('BatchNormalization');
  await vscode.screenshot('folded');
  expect(before.equals(readFileSync(vscode.path('model.onnx')))).toBe(true);
  await vscode.closeTab('model.folded.onnx');
});

it('says so when there is nothing to fold, and writes nothing', async () => {
  const before = readdirSync(vscode.folder);
  await vscode.openFile('model.folded.onnx');
  await ModelView.shown(vscode, 'model.folded.onnx');
  await vscode.quickInput.typeCommand('Roundoff: Fold BatchNormalization…');
  await vscode.quickInput.waitFor('Fold BatchNormalization: model.folded.onnx');
  await vscode.quickInput.answerPath(vscode.path('twice.onnx'));
  const { text } = await vscode.dialogs.notification('has nothing to fold', 60_000);
  expect(text).toMatch(/^model\.folded\.onnx has nothing to fold: no BatchNormalization/);
  expect(readdirSync(vscode.folder)).toEqual(before);
});

it('offers every rewrite in the menu of the explorer', async () => {
  const entries = await vscode.openMenu(vscode.explorerRow('model.onnx'));
  expect(entries).toContain('Rewrite Model');
  await vscode.page.keyboard.press('Escape');
});
