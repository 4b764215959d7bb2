import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView, SAMPLE_LAYERS } from './support/modelView';
import { useTheme } from './support/useTheme';

const root = resolve(import.meta.dirname, '../..');
const sample = (name: string): string => join(root, 'samples/mnist', name);

let vscode: VsCode;
keepEvidence(() => vscode);

/** The sample with a codebook in one layer, a float layer, and the others static int8, written by the command line. */
function quantizedSample(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'roundoff-'));
  const output = join(folder, 'quantized.onnx');
  try {
    execFileSync(process.execPath, [
      ...[join(root, 'dist/cli.mjs'), 'quantize', sample('mnist_cnn.onnx'), '--output', output],
      ...['--data', sample('test.npz'), '--samples', '16'],
      ...['--layer', 'node_linear=lut16', '--exclude', 'node_conv2d'],
    ]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'quantized.onnx': quantizedSample(), 'float.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
  await vscode.openFile('quantized.onnx');
});
afterAll(() => vscode?.close());

const rawNodes = /(Quantize|Dequantize)Linear|_Cast|_Gather|_Mul/;

function checkbox(view: ModelView, label: string): Locator {
  const { frame } = view;
  return frame.locator('vscode-checkbox').filter({ has: frame.getByRole('checkbox', { name: label }) });
}

async function rawRows(view: ModelView): Promise<string[]> {
  return (await view.layers()).filter((name) => rawNodes.test(name));
}

/** The inspector's facts about the quantization of the selected row. */
async function facts(view: ModelView): Promise<Record<string, string>> {
  const section = view.frame.getByRole('region', { name: 'Quantization' });
  await section.locator('dd').first().waitFor();
  const names = await section.locator('dt').allInnerTexts();
  const values = await section.locator('dd').allInnerTexts();
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

it('shows the layers alone, each with a badge of its stored type', async () => {
  const view = await ModelView.shown(vscode, 'quantized.onnx');
  await expect.poll(() => view.layers()).toEqual(SAMPLE_LAYERS);
  const badges = await Promise.all(
    SAMPLE_LAYERS.map(async (name) => (await view.layer(name).locator('.dtype').allInnerTexts()).join()),
  );
  expect(badges).toEqual(['', 'int8', 'int8', 'lut16', 'int8']);
  await expect.poll(() => view.cell('node_conv2d', 'shape')).toBe('16×1×5×5 float');
  await expect.poll(() => view.cell('node_linear', 'scheme')).toBe('lut16');
});

it('shows the codes and the codebook that the file holds', async () => {
  const view = await ModelView.shown(vscode, 'quantized.onnx');
  const region = (name: string): Locator => view.frame.getByRole('region', { name, exact: true });
  await view.layer('node_linear').locator('.cell.name').click();
  for (const name of ['Codes', 'Codebook']) await region(name).locator('.disclosure-head').click();
  await region('Codes').locator('svg').waitFor();
  await expect.poll(() => region('Codes').innerText()).toContain('16 of 16 (100.0 %)');
  await expect.poll(() => region('Codebook').locator('.centroids line').count()).toBe(16);
  await view.layer('node_linear_1').locator('.cell.name').click();
  await expect.poll(() => region('Codes').innerText()).toMatch(/\d+ of 256 \(/);
  await expect.poll(() => region('Codebook').innerText()).toContain('int8 has no codebook');
  for (const name of ['Codes', 'Codebook']) await region(name).locator('.disclosure-head').click();
});

it('reads scale, zero point, codebook and activation formats into the inspector', async () => {
  const view = await ModelView.shown(vscode, 'quantized.onnx');
  await view.layer('node_conv2d_1').locator('.cell.name').click();
  const number = String.raw`\d[\d.e-]*`;
  await expect.poll(async () => (await facts(view))['Stored as']).toBe('int8, through DequantizeLinear');
  const conv = await facts(view);
  expect(conv['Granularity']).toBe('per channel: 16 scales on axis 0');
  expect(conv['Scale']).toMatch(new RegExp(String.raw`^${number} … ${number} \(16\)$`));
  expect(conv['Zero point']).toBe('0 (all 16)');
  expect(conv['Input format']).toMatch(new RegExp(`^uint8, scale ${number}, zero point \\d+$`));
  expect(conv['Output format']).toMatch(new RegExp(`^uint8, scale ${number}, zero point \\d+$`));
  await vscode.screenshot('folded-light');

  await view.layer('node_linear').locator('.cell.name').click();
  await expect
    .poll(async () => (await facts(view))['Stored as'])
    .toMatch(/^lut16: [48]-bit indices into a codebook of 16 values$/);
  const linear = await facts(view);
  expect(linear['Codebook']?.split(', ')).toHaveLength(16);
  expect(linear['Zero point']).toBeUndefined();

  await view.layer('node_conv2d').locator('.cell.name').click();
  // A float layer that gives its output to an int8 one has an output format only.
  await expect.poll(async () => Object.keys(await facts(view))).toEqual(['Output format']);
});

it('keeps Q/DQ folded among other nodes, and shows them when asked by mouse', async () => {
  const view = await ModelView.shown(vscode, 'quantized.onnx');
  await checkbox(view, 'Other nodes').click();
  await expect.poll(() => view.layers()).toContain('node_max_pool2d');
  await expect.poll(() => rawRows(view)).toEqual([]);
  await checkbox(view, 'Other nodes').click();
  await expect.poll(() => view.layers()).toEqual(SAMPLE_LAYERS);
  await checkbox(view, 'Raw Q/DQ nodes').click();
  await expect.poll(async () => (await rawRows(view)).length).toBeGreaterThan(10);
  await expect.poll(() => view.layers()).not.toContain('node_max_pool2d');
  const [raw = ''] = (await rawRows(view)).filter((name) => name.includes('Dequantize'));
  await view.layer(raw).locator('.cell.name').click();
  const inspector = view.frame.locator('.inspector');
  await expect.poll(() => inspector.innerText()).toMatch(/Part of\s+node_/);
  await expect.poll(() => inspector.locator('vscode-single-select').count()).toBe(0);
  await vscode.screenshot('folded-raw-nodes');
});

it('remembers the choice while another model is shown, which has nothing to fold', async () => {
  await vscode.openFile('float.onnx');
  const float = await ModelView.shown(vscode, 'float.onnx');
  await expect.poll(() => float.frame.locator('vscode-checkbox').count()).toBe(1);
  await expect.poll(() => float.frame.locator('.dtype').count()).toBe(0);
  await vscode.tab('quantized.onnx').click();
  const view = await ModelView.shown(vscode, 'quantized.onnx');
  await expect.poll(async () => (await rawRows(view)).length).toBeGreaterThan(10);
  await checkbox(view, 'Raw Q/DQ nodes').click();
  await expect.poll(() => view.layers()).toEqual(SAMPLE_LAYERS);
});

it.each<Theme>(['dark', 'highContrast', 'highContrastLight'])(
  'has badges that can be read in the %s theme (see the screenshot)',
  async (theme) => {
    const view = await ModelView.shown(vscode, 'quantized.onnx');
    await useTheme(vscode, theme, view);
    await view.layer('node_linear').locator('.cell.name').click();
    await expect.poll(async () => (await facts(view))['Stored as']).toMatch(/^lut16/);
    // The badge is drawn with the text's own colour, so that no theme can make it fainter than the text.
    const colours = await view
      .layer('node_conv2d_1')
      .locator('.dtype')
      .evaluate((badge) => [
        getComputedStyle(badge).borderTopColor,
        getComputedStyle(badge).color,
        getComputedStyle(badge.closest('.cell') ?? badge).color,
      ]);
    expect(new Set(colours).size).toBe(1);
    await vscode.screenshot(`folded-${theme}`);
    expect(vscode.viewErrors()).toEqual([]);
  },
);
