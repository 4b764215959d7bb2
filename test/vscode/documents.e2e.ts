import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import { openModelFile } from '../../src/engine/files/modelFile';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

let vscode: VsCode;
let external: string;
keepEvidence(() => vscode);

beforeAll(async () => {
  external = await mkdtemp(join(tmpdir(), 'roundoff-external-'));
  await writeExternal(external);
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': 'samples/mnist/mnist_cnn.onnx',
      'external/model.onnx': join(external, 'model.onnx'),
      'external/model.data': join(external, 'model.data'),
      'elsewhere/readme.txt': new Uint8Array(),
    },
  });
  await vscode.openFile('model.onnx');
});
afterAll(async () => {
  await vscode?.close();
  await rm(external, { recursive: true });
});

/** The sample with its larger weights in a file of their own, as exporters write models beyond 2 GB. */
async function writeExternal(folder: string): Promise<void> {
  const opened = await openModelFile(join(projectRoot, 'samples/mnist/mnist_cnn.onnx'));
  try {
    await writeModelFile(opened.model, join(folder, 'model.onnx'), { maxFileBytes: 100_000 });
  } finally {
    await opened.close();
  }
}

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

it('saves the external data of a model beside its copy', async () => {
  // Rows move when the explorer notices the copy: not under the next click.
  await vscode.explorerRow('copy.quant.json').waitFor();
  await vscode.explorerRow('external').click();
  await vscode.command('View: Close All Editors');
  await vscode.explorerRow('model.data').waitFor();
  await vscode.explorerRow('model.onnx').first().dblclick();
  await vscode.tab('model.onnx').waitFor();
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Keep Float');
  await vscode.waitForDirty('model.onnx', true);
  await vscode.command('File: Save As...');
  await vscode.quickInput.waitFor('Save As');
  await vscode.quickInput.answerPath(vscode.path('elsewhere/copy.onnx'));
  await vscode.tab('copy.onnx').first().waitFor();
  for (const [from, to] of [
    ['model.onnx', 'copy.onnx'],
    ['model.data', 'model.data'],
  ] as const) {
    const copied = readFileSync(vscode.path(`elsewhere/${to}`));
    expect(copied.equals(readFileSync(vscode.path(`external/${from}`)))).toBe(true);
  }
  // The copy is shown with the plan, and finds its data.
  const copy = await ModelView.shown(vscode, 'copy.onnx');
  await copy.waitForScheme('node_linear', 'float');
  // Model and data file; without the data it would be a few kilobytes.
  await expect.poll(() => copy.frame.locator('header').innerText()).toMatch(/1\.9\d MB/);
  await expect.poll(() => copy.frame.locator('.notice, .problems').count()).toBe(0);
});
