import { existsSync, readFileSync } from 'node:fs';
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
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
});
afterAll(() => vscode?.close());

/** Files in the explorer, in its order. */
const explorerNames = (): Promise<string[]> =>
  vscode.page.locator('.explorer-folders-view .monaco-list-row .label-name').allInnerTexts();

const plan = (): { layers: Record<string, { scheme: string; weightHash?: string }> } =>
  JSON.parse(readFileSync(vscode.path('model.quant.json'), 'utf8')) as ReturnType<typeof plan>;

it('opens on a double click, as the default editor, with header and layers', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await expect.poll(() => view.layers()).toEqual(SAMPLE_LAYERS);
  const header = view.frame.locator('header');
  for (const text of ['481 k', '1.95 MB', 'pytorch', 'logits'])
    await expect.poll(() => header.innerText()).toContain(text);
  expect(await vscode.dialogs.notifications()).toEqual([]);
  expect(vscode.viewErrors()).toEqual([]);
});

it('collapses and expands with the keyboard', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_conv2d').locator('.cell.name').click();
  await vscode.page.keyboard.press('ArrowLeft');
  await vscode.page.keyboard.press('ArrowLeft');
  await view.layer('node_conv2d').waitFor({ state: 'detached' });
  await expect.poll(() => view.group('layer1').getAttribute('aria-expanded')).toBe('false');
  await vscode.page.keyboard.press('ArrowRight');
  await view.layer('node_conv2d').waitFor();
});

it('filters by any column and says how much is left', async () => {
  const view = await ModelView.shown(vscode);
  await view.filter('gemm');
  await expect.poll(() => view.layers()).toEqual(['node_linear', 'node_linear_1']);
  await expect.poll(() => view.frame.locator('.toolbar .count').innerText()).toBe('2 of 5');
  await view.filter('');
  await expect.poll(() => view.layers()).toHaveLength(5);
});

it('shows what clipping and rounding cost in the inspector, with the figures as a table', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_linear').locator('.cell.name').click();
  const chart = view.frame.locator('.error-split svg.plot');
  await chart.waitFor();
  await expect.poll(() => chart.getAttribute('aria-label')).toMatch(/at 8 bits.*Greatest SQNR: \d+\.\d dB/);
  const twin = view.frame.locator('.twin', { hasText: 'Curves as a table' });
  await twin.locator('summary').focus();
  await vscode.page.keyboard.press('Enter');
  // Every fourth of some 245 thresholds.
  await expect.poll(() => twin.locator('tbody tr').count()).toBeGreaterThan(58);
});

it('keeps a layer float from the context menu, with undo and redo', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d', 'Keep Float');
  await view.waitForScheme('node_conv2d', 'float');
  await vscode.waitForDirty('model.onnx', true);
  await vscode.undo();
  await view.waitForScheme('node_conv2d', 'w8a8');
  await vscode.waitForDirty('model.onnx', false);
  await vscode.redo();
  await view.waitForScheme('node_conv2d', 'float');
  await vscode.waitForDirty('model.onnx', true);
});

it('gives a layer any scheme through Quantize With…', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('w8');
  await view.waitForScheme('node_linear', 'w8');
  await vscode.undo();
  await view.waitForScheme('node_linear', 'w8a8');
});

it('acts on a whole selection made and opened by keyboard alone', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_linear').locator('.cell.name').click();
  await vscode.page.keyboard.press('Shift+ArrowDown');
  await vscode.page.keyboard.press('Shift+ArrowDown');
  await vscode.page.keyboard.press('Shift+F10');
  await expect
    .poll(() => vscode.menuEntries())
    .toEqual([
      'Quantize (w8a8)',
      'Quantize With…',
      'Quantize with Compensation…',
      'Keep Float',
      'Scan These Layers',
      'Explain',
      'Copy Name',
    ]);
  await vscode.pickFromMenu('Keep Float');
  await view.waitForScheme('node_linear_1', 'float');
  await expect.poll(() => view.cell('node_linear', 'scheme')).toBe('float');
  // One step undoes both.
  await vscode.undo();
  await view.waitForScheme('node_linear_1', 'w8a8');
  await view.waitForScheme('node_linear', 'w8a8');
});

it('saves the plan beside the model and leaves the model alone', async () => {
  const model = readFileSync(vscode.path('model.onnx'));
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  expect(plan().layers).toEqual({
    node_conv2d: { scheme: 'float', weightHash: expect.stringMatching(/^sha256:[0-9a-f]{16}$/) as string },
  });
  expect(readFileSync(vscode.path('model.onnx')).equals(model)).toBe(true);
  // The explorer has settled: no temporary file is left, and rows do not move under the next click.
  await expect.poll(() => explorerNames()).toEqual(['model.onnx', 'model.quant.json']);
});

it('has the plan back after closing and opening again', async () => {
  await vscode.closeTab('model.onnx');
  await vscode.tab('model.onnx').waitFor({ state: 'detached' });
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await expect.poll(() => view.cell('node_conv2d', 'scheme')).toBe('float');
  await expect.poll(() => view.cell('node_conv2d_1', 'scheme')).toBe('w8a8');
  await expect.poll(() => vscode.isDirty('model.onnx')).toBe(false);
});

it('keeps filter and selection while its tab is hidden', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_linear').locator('.cell.name').click();
  await view.filter('linear');
  await expect.poll(() => view.layers()).toHaveLength(2);
  await vscode.openFile('model.quant.json');
  await vscode.tab('model.onnx').click();
  const again = await ModelView.shown(vscode);
  await expect.poll(() => again.layers()).toHaveLength(2);
  await expect.poll(() => again.layer('node_linear').getAttribute('aria-selected')).toBe('true');
  await again.filter('');
});

it('computes what a symbolic dimension was missing for, as an undoable edit', async () => {
  const view = await ModelView.shown(vscode);
  const header = view.frame.locator('header');
  await expect.poll(() => header.innerText()).toContain('unknown (set batch)');
  await view.frame.locator('.dimension input').fill('1');
  await vscode.page.keyboard.press('Tab');
  await expect.poll(() => header.innerText()).not.toContain('unknown');
  await vscode.waitForDirty('model.onnx', true);
});

it('writes weights alone without asking for data', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_conv2d').locator('.cell.name').click();
  await vscode.page.keyboard.press('Control+A');
  await vscode.page.keyboard.press('Shift+F10');
  await vscode.pickFromMenu('Quantize With…');
  await vscode.quickInput.waitFor('Nodes With');
  await vscode.quickInput.pick('w8');
  await view.waitForScheme('node_linear_1', 'w8');
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('weights.onnx'));
  const { text } = await vscode.dialogs.notification('Wrote weights.onnx', 60_000);
  expect(text).toMatch(/1\.95 MB → 50\d kB .*5 layers quantized/);
  await vscode.dialogs.pressInNotification('Wrote weights.onnx', 'Open');
  const written = await ModelView.shown(vscode, 'weights.onnx');
  await expect.poll(() => written.cell('node_linear', 'scheme')).toBe('int8');
});
