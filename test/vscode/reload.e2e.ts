import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

const exported = readFileSync(join(projectRoot, 'samples/mnist/mnist_cnn.onnx'));

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': exported },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

/** The same model after more training: one number of the first convolution's weight (1,600 bytes) is another. */
function trainedOn(bytes: Buffer, value: number): Buffer {
  const changed = Buffer.from(bytes);
  // Field 9 (raw_data) of a TensorProto, with length 1600 as a varint.
  const at = changed.indexOf(Buffer.from([0x4a, 0xc0, 0x0c]));
  if (at < 0) throw new Error('The sample has no tensor of 1,600 bytes.');
  changed.writeFloatLE(value, at + 3);
  return changed;
}

const changedNotice = (view: ModelView) =>
  view.frame.locator('.notice').filter({ hasText: 'changed since the plan' });

it('reloads a clean view after a re-export, lists the entry whose weight changed and keeps it', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  await view.waitForScheme('node_conv2d', 'float');
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  writeFileSync(vscode.path('model.onnx'), trainedOn(exported, 0.123));
  await changedNotice(view).waitFor();
  await view.frame.locator('.notice summary').click();
  await expect.poll(() => changedNotice(view).locator('li').allInnerTexts()).toEqual(['node_conv2d']);
  await expect.poll(() => view.cell('node_conv2d', 'scheme')).toBe('float');
  await expect.poll(() => vscode.isDirty('model.onnx')).toBe(false);
  await vscode.screenshot('re-exported');
});

it('takes an entry over for the new weight when its scheme is confirmed', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_conv2d').locator('.cell.name').click();
  await view.button('Confirm float').click();
  await changedNotice(view).waitFor({ state: 'detached' });
  await vscode.undo();
  await changedNotice(view).waitFor();
  await vscode.waitForDirty('model.onnx', false);
});

it('asks when the plan has unsaved changes, and keeps them either way', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Keep Float');
  await vscode.waitForDirty('model.onnx', true);
  writeFileSync(vscode.path('model.onnx'), exported);
  await vscode.dialogs.pressInNotification('model.onnx changed on disk', 'Reload Model');
  await changedNotice(view).waitFor({ state: 'detached' });
  await expect.poll(() => view.cell('node_linear', 'scheme')).toBe('float');
  await expect.poll(() => vscode.isDirty('model.onnx')).toBe(true);
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
});

it('follows a plan that is edited outside', async () => {
  const view = await ModelView.shown(vscode);
  const plan = JSON.parse(readFileSync(vscode.path('model.quant.json'), 'utf8')) as { layers: object };
  plan.layers = { node_linear_1: { scheme: 'float' } };
  writeFileSync(vscode.path('model.quant.json'), JSON.stringify(plan));
  await view.waitForScheme('node_linear_1', 'float');
  await view.waitForScheme('node_conv2d', 'w8a8');
  await expect.poll(() => vscode.isDirty('model.onnx')).toBe(false);
});

it('says what is wrong with a broken plan and does not overwrite it', async () => {
  const view = await ModelView.shown(vscode);
  const broken = '{ "version": 1, "layers": { "node_linear": { "scheme": "w3a3" } } }';
  writeFileSync(vscode.path('model.quant.json'), broken);
  await view.frame.locator('.notice.error').filter({ hasText: 'must be w8a8, w8a16, w8' }).waitFor();
  await view.menu('node_linear', 'Keep Float');
  await vscode.waitForDirty('model.onnx', true);
  await vscode.save();
  await vscode.dialogs.notification('The file was left as it is');
  expect(readFileSync(vscode.path('model.quant.json'), 'utf8')).toBe(broken);
});
