import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { formatBytes } from '../../src/shared/format';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';
import { useTheme } from './support/useTheme';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': 'samples/mnist/mnist_cnn.onnx',
      'calibration.npz': 'samples/mnist/calibration.npz',
    },
  });
  await vscode.page.setViewportSize({ width: 1500, height: 900 });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

/** What the header says that the plan would write, once it is of the present plan. */
async function predicted(view: ModelView): Promise<string> {
  const text = view.frame.locator('header [role=status]');
  await expect
    .poll(() => text.innerText(), { timeout: 20_000 })
    .toMatch(/^1\.95 MB → \d+ kB \(\d+\.\d %\), predicted$/);
  return text.innerText();
}

/** Waits until another size than `before` is foretold. */
async function predictedAfter(view: ModelView, before: string): Promise<string> {
  await expect.poll(() => predicted(view), { timeout: 20_000 }).not.toBe(before);
  return predicted(view);
}

const title = async (view: ModelView, layer: string, column: string): Promise<string> =>
  (await view.layer(layer).locator(`.cell.${column}`).getAttribute('title')) ?? '';

const facts = (view: ModelView): Promise<string> => view.frame.locator('.inspector').innerText();

interface SavedPlan {
  defaultScheme: string;
  activationRange: string;
  layers: Record<string, Record<string, unknown>>;
}
const plan = (): SavedPlan => JSON.parse(readFileSync(vscode.path('model.quant.json'), 'utf8')) as SavedPlan;

it('foretells the size of the plan, again after each edit, and after undo', async () => {
  const view = await ModelView.shown(vscode);
  const before = await predicted(view);
  await view.menu('node_linear', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('w4,block:32');
  await view.waitForScheme('node_linear', 'w4,block:32');
  const after = await predictedAfter(view, before);
  await expect.poll(() => title(view, 'node_linear', 'bytes')).toMatch(/→ \d+ kB with w4,block:32$/);
  await expect
    .poll(() => title(view, 'node_linear', 'scheme'))
    .toBe('w4,block:32, no speed-up, needs compensation');
  await expect.poll(() => facts(view)).toMatch(/1\.88 MB → \d+ kB with w4,block:32/);
  await vscode.undo();
  await view.waitForScheme('node_linear', 'w8a8');
  await expect.poll(() => predictedAfter(view, after)).toBe(before);
  await vscode.redo();
  await view.waitForScheme('node_linear', 'w4,block:32');
  await expect.poll(() => predictedAfter(view, before)).toBe(after);
});

it('takes any scheme with options as text, and says what is wrong with a text', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear_1', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.type('Other');
  await vscode.quickInput.pick('Other…');
  await vscode.quickInput.waitFor('Scheme[,option…]');
  await vscode.quickInput.type('lut8,chanel');
  await vscode.quickInput.waitFor('There is no option "chanel"');
  await vscode.quickInput.type('lut8,block:32');
  await vscode.quickInput.waitFor('The scheme lut8 cannot be block:32.');
  await vscode.quickInput.answer('lut8,channel,bias:u4');
  await view.waitForScheme('node_linear_1', 'lut8,channel,bias:u4');
});

it('gives a layer a scheme by the list in the inspector, and shows what it gives', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_conv2d').locator('.cell.name').click();
  const select = view.frame
    .locator('.inspector label', { hasText: 'Scheme' })
    .locator('vscode-single-select');
  await select.click();
  await select.locator('li', { hasText: 'pow2-5: zero' }).click();
  await view.waitForScheme('node_conv2d', 'pow2-5');
  await predicted(view);
  await expect.poll(() => facts(view)).toMatch(/1\.66 kB → \d+ B with pow2-5/);
  await expect.poll(() => facts(view)).toContain('no speed-up, needs compensation.');
  await useTheme(vscode, 'light', view);
  await vscode.screenshot('schemes-light');
  await useTheme(vscode, 'dark', view);
  await vscode.screenshot('schemes-dark');
});

it('writes exactly the bytes that it foretold', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_conv2d_1', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('w8');
  await view.waitForScheme('node_conv2d_1', 'w8');
  await view.menu('node_conv2d_2', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('fp16');
  await view.waitForScheme('node_conv2d_2', 'fp16');
  // Two edits: the figure is of the second once the tooltip of its row is.
  await expect.poll(() => title(view, 'node_conv2d_2', 'bytes'), { timeout: 20_000 }).toContain('with fp16');
  const size = await predicted(view);
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('mixed.onnx'));
  const { text } = await vscode.dialogs.notification('Wrote mixed.onnx', 60_000);
  expect(text).toContain('No speed-up: 5 layers; needs compensation: 3 layers.');
  const { size: bytes } = statSync(vscode.path('mixed.onnx'));
  expect(size).toContain(`→ ${formatBytes(bytes)} (`);
  await vscode.dialogs.pressInNotification('Wrote mixed.onnx', 'Open');
  await vscode.tab('mixed.onnx').waitFor();
  const written = await ModelView.shown(vscode, 'mixed.onnx');
  await expect
    .poll(async () => {
      const weights = await Promise.all(SAMPLE_LAYERS.map((layer) => written.cell(layer, 'shape')));
      return weights.map((text) => text.split(' ').at(-1));
    })
    .toEqual(['lut17', 'int8', 'float16', 'int4', 'lut8']);
  await written.layer('node_conv2d').locator('.cell.name').click();
  await expect.poll(() => facts(written)).toMatch(/Codebook:?\s*0, ±2\^-\d, .*±2\^\d/);
  await vscode.screenshot('schemes-written');
  await vscode.closeTab('mixed.onnx');
  await vscode.tab('mixed.onnx').waitFor({ state: 'detached' });
  // The view that is shown again takes the focus, and a palette that opened before would close.
  await (await ModelView.shown(vscode)).layer('node_linear').locator('.cell.name').click();
  await vscode.command('Notifications: Clear All Notifications');
});

it('fills the plan by the preset naive, as one step to undo', async () => {
  const view = await ModelView.shown(vscode);
  await vscode.command('Roundoff: Apply Preset…');
  await vscode.quickInput.waitFor('Apply Preset');
  await expect.poll(() => vscode.quickInput.labels()).toEqual(['naive', 'hybrid', 'selective']);
  await vscode.quickInput.pick('naive');
  await vscode.quickInput.waitFor('Quantize 5 Nodes With');
  await vscode.quickInput.pick('w8');
  const { text } = await vscode.dialogs.notification('Preset naive:');
  expect(text).toBe('Preset naive: 5 × w8.');
  for (const layer of SAMPLE_LAYERS) await view.waitForScheme(layer, 'w8');
  await view.layer('node_linear').locator('.cell.name').click();
  await vscode.undo();
  await view.waitForScheme('node_linear', 'w4,block:32');
  await expect.poll(() => view.cell('node_conv2d', 'scheme')).toBe('pow2-5');
  await vscode.redo();
  await view.waitForScheme('node_linear', 'w8');
});

it('fills the plan by the preset selective, which asks for data', async () => {
  const view = await ModelView.shown(vscode);
  await vscode.command('Roundoff: Apply Preset…');
  await vscode.quickInput.waitFor('Apply Preset');
  await vscode.quickInput.pick('selective');
  await vscode.quickInput.waitFor('Bits per weight');
  await vscode.quickInput.pick('4 bits');
  await chooseDataBeside(vscode, 'calibration.npz');
  const { text } = await vscode.dialogs.notification('Preset selective:', 120_000);
  expect(text).toMatch(/^Preset selective: \d × \w/);
  expect(text).toMatch(/The layer that loses most is node_\w+: SQNR \d+\.\d dB at its output\./);
  const schemes = await Promise.all(SAMPLE_LAYERS.map((layer) => view.cell(layer, 'scheme')));
  for (const scheme of schemes) expect(scheme).toMatch(/^(w4|u4|lut16|pow2-15)(,|$)/);
  await expect.poll(() => title(view, 'node_linear', 'bytes'), { timeout: 20_000 }).toContain('→');
  await vscode.screenshot('schemes-selective');
});

it('saves the choices of the layers and the settings of the plan', async () => {
  await vscode.command('Roundoff: Change Plan Settings…');
  await vscode.quickInput.waitFor('Plan Settings');
  await vscode.quickInput.pick('Activation range');
  await vscode.quickInput.waitFor('Activation Range');
  await vscode.quickInput.pick('mse');
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear_1', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.type('Other');
  await vscode.quickInput.pick('Other…');
  await vscode.quickInput.waitFor('Scheme[,option…]');
  await vscode.quickInput.answer('w4,block:32,asymmetric,mse');
  await view.waitForScheme('node_linear_1', 'w4,block:32,asymmetric,mse');
  await view.layer('node_linear_1').locator('.cell.name').click();
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  const saved = plan();
  expect(saved).toMatchObject({ activationRange: 'mse', defaultScheme: 'float' });
  expect(saved.layers['node_linear_1']).toMatchObject({
    scheme: 'w4',
    granularity: 'block:32',
    symmetric: false,
    range: 'mse',
  });
  expect(Object.keys(saved.layers).sort()).toEqual([...SAMPLE_LAYERS].sort());
  expect(vscode.viewErrors()).toEqual([]);
});
