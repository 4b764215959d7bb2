import { readFileSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { expectAccessible } from './support/accessibility';
import { acceptFormats, chooseDataBeside, ModelView } from './support/modelView';
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
  await vscode.page.setViewportSize({ width: 1500, height: 1350 });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

const section = (view: ModelView): Locator => view.frame.locator('section.chart[aria-busy=false]').first();
const slider = (view: ModelView): Locator => section(view).getByRole('slider', { name: 'Range' });
const spoken = async (view: ModelView): Promise<string> =>
  (await slider(view).getAttribute('aria-valuetext')) ?? '';
/** The magnitude that is spoken. */
const reach = async (view: ModelView): Promise<number> =>
  Number(/(-?[\d.e-]+):/.exec(await spoken(view))?.[1]);
const readout = (view: ModelView): Promise<string> => section(view).locator('.range-readout').innerText();
const button = (view: ModelView, text: string): Locator =>
  section(view).locator('vscode-button').filter({ hasText: text });

async function select(layer: string): Promise<ModelView> {
  const view = await ModelView.shown(vscode);
  await view.layer(layer).locator('.cell.name').click();
  await expect.poll(() => view.frame.locator('.inspector h2').innerText()).toBe(layer);
  await slider(view).waitFor();
  await slider(view).scrollIntoViewIfNeeded();
  return view;
}

it('moves the handle by keys, and tells what each range gives', async () => {
  const view = await select('node_linear');
  await slider(view).focus();
  await expect.poll(() => spoken(view)).toMatch(/^±0\.\d+: SQNR \d+\.\d dB, codes used \d+ of 256$/);
  await expect.poll(() => readout(view)).toContain('no range is better');
  const best = await reach(view);
  await vscode.page.keyboard.press('End');
  await expect.poll(() => reach(view)).toBeGreaterThan(best);
  const widest = await reach(view);
  await vscode.page.keyboard.press('ArrowLeft');
  await expect.poll(() => reach(view)).toBeLessThan(widest);
  await vscode.page.keyboard.press('PageDown');
  await vscode.page.keyboard.press('PageDown');
  await vscode.page.keyboard.press('PageDown');
  await expect.poll(() => reach(view)).toBeLessThan(widest * 0.8);
  await vscode.screenshot('range-keys');
  await expect.poll(() => readout(view)).toMatch(/\d\.\d dB below the best range/);
  await expect.poll(() => readout(view)).toMatch(/clipping -\d+\.\d, rounding -\d+\.\d+ dB/);
  await vscode.page.keyboard.press('Home');
  await expect.poll(() => reach(view)).toBeLessThan(best / 3.9);
});

it('shows the table of a codebook scheme over ranges, which the plan cannot fix', async () => {
  const view = await select('node_linear');
  await view.menu('node_linear', 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('pow2-5');
  await expect
    .poll(() => section(view).innerText())
    .toContain('values of pow2-5, one table for all channels');
  await expect.poll(() => spoken(view)).toMatch(/codes used \d+ of 17$/);
  await expect.poll(() => section(view).innerText()).toContain('pow2-5 has no range to fix');
  await expect.poll(() => button(view, 'Apply').count()).toBe(0);
  await vscode.undo();
  await expect.poll(() => spoken(view)).toMatch(/codes used \d+ of 256$/);
});

it('lists where the rules put the range, and takes the handle there', async () => {
  const view = await select('node_linear');
  const rules = async (): Promise<string[]> => {
    const texts = await section(view).locator('.range-rules tbody th').allInnerTexts();
    return texts.map((text) => text.trim());
  };
  await expect.poll(rules).toEqual(['max', '99.9 %', '99.99 %', '99.999 %', 'entropy', 'MSE', 'w8a8 now']);
  await section(view).getByRole('button', { name: '99.9 %', exact: true }).focus();
  await vscode.page.keyboard.press('Enter');
  const row = section(view).locator('.range-rules tbody tr', { hasText: '99.9 %' }).first();
  const range = await row.locator('td').first().innerText();
  await expect.poll(() => spoken(view)).toContain(`${range}:`);
});

it('applies a range to the plan by keyboard, and takes it back', async () => {
  const view = await select('node_linear');
  await slider(view).focus();
  for (let step = 0; step < 5; step++) await vscode.page.keyboard.press('ArrowLeft');
  const apply = button(view, 'Apply');
  await expect.poll(() => apply.innerText()).toMatch(/^\s*Apply w8a8,fixed:0\.\d+\s*$/);
  const scheme = (await apply.innerText()).trim().replace(/^Apply /, '');
  await vscode.page.keyboard.press('Tab');
  await vscode.page.keyboard.press('Enter');
  await view.waitForScheme('node_linear', scheme);
  await vscode.waitForDirty('model.onnx', true);
  await button(view, 'In the Plan').waitFor();
  await section(view).locator('.range-rules th', { hasText: 'in the plan' }).waitFor();
  await vscode.screenshot('range-applied');
  await vscode.undo();
  await view.waitForScheme('node_linear', 'w8a8');
  await vscode.waitForDirty('model.onnx', false);
  await vscode.redo();
  await view.waitForScheme('node_linear', scheme);
  await button(view, 'Back to w8a8').click();
  await view.waitForScheme('node_linear', 'w8a8');
});

it('moves the handle by mouse, in less than a frame of script a step', async () => {
  const view = await select('node_linear');
  const area = await section(view).locator('.range-handle').boundingBox();
  if (!area) throw new Error('no chart');
  const y = area.y + area.height * 0.6;
  await vscode.page.mouse.move(area.x + area.width * 0.4, y);
  await vscode.page.mouse.down();
  const start = await reach(view);
  for (let step = 1; step <= 20; step++) {
    await vscode.page.mouse.move(area.x + area.width * (0.4 + step * 0.02), y);
  }
  await vscode.page.mouse.up();
  await expect.poll(() => reach(view)).toBeGreaterThan(start * 1.4);
  const milliseconds = await view.frame.evaluate(async () => {
    const handle = document.querySelector('[role=slider][aria-label=Range]');
    const steps: number[] = [];
    for (let step = 0; step < 200; step++) {
      const key = step % 100 < 50 ? 'ArrowLeft' : 'ArrowRight';
      const before = performance.now();
      handle?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      // Rendering is a microtask.
      await Promise.resolve();
      await Promise.resolve();
      steps.push(performance.now() - before);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return steps.sort((a, b) => a - b);
  });
  const at = (part: number): string => (milliseconds[Math.floor(part * 199)] ?? NaN).toFixed(2);
  console.log(`A step of the handle: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, most ${at(1)} ms of script.`);
  expect(Number(at(0.5))).toBeLessThan(16);
});

it('shows 4 bits, and why other widths cannot be applied', async () => {
  const view = await select('node_linear');
  const bits = section(view).locator('vscode-single-select');
  await bits.click();
  await bits.locator('li', { hasText: '4' }).click();
  await button(view, 'Apply w4,fixed:').waitFor();
  await expect.poll(() => spoken(view)).toContain('of 16');
  await bits.click();
  await bits.locator('li', { hasText: '6' }).click();
  await section(view).getByText('choose 8 or 4 bits').waitFor();
  await bits.click();
  await bits.locator('li', { hasText: '8' }).click();
  await button(view, 'Apply w8a8,fixed:').waitFor();
});

it('shows what the layer reads from calibration data, and fixes its range', async () => {
  await vscode.command('Roundoff: Choose Calibration Data…');
  await chooseDataBeside(vscode, 'calibration.npz');
  const view = await select('node_conv2d_1');
  await section(view).getByRole('radio', { name: 'input' }).click();
  await section(view)
    .getByText(/from a histogram of \d+ samples \(calibration slice/)
    .waitFor();
  await expect
    .poll(() => spoken(view))
    .toMatch(/^0 to [\d.]+: SQNR \d+\.\d dB, codes used about \d+ of 256$/);
  await slider(view).focus();
  await vscode.page.keyboard.press('PageDown');
  const apply = button(view, 'Apply');
  const text = (await apply.innerText()).trim();
  expect(text).toMatch(/^Apply 0 to [\d.]+$/);
  await vscode.screenshot('range-input');
  await apply.focus();
  await vscode.page.keyboard.press('Enter');
  await button(view, 'Choose by Calibration').waitFor();
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  const saved = JSON.parse(readFileSync(vscode.path('model.quant.json'), 'utf8')) as {
    tensors: Record<string, { min: number; max: number }>;
  };
  const max = Number(text.split(' ').at(-1));
  expect(Object.values(saved.tensors)).toEqual([{ min: 0, max: expect.closeTo(max, 3) as number }]);
  await vscode.undo();
  await button(view, 'Choose by Calibration').waitFor({ state: 'detached' });
  await section(view).getByRole('radio', { name: 'output' }).click();
  await section(view).getByText('from a histogram').waitFor();
});

it('foretells what the layer makes of a range once a scan has measured it', async () => {
  const view = await select('node_linear');
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await expect.poll(() => view.cell('node_linear_1', 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  await view.button('Scan Sensitivity').waitFor();
  await slider(view).waitFor();
  await expect.poll(() => readout(view), { timeout: 20_000 }).toMatch(/Local SQNR\s+about \d+\.\d dB/);
  const local = async (): Promise<number> => Number(/about ([\d.]+) dB/.exec(await readout(view))?.[1]);
  const before = await local();
  await slider(view).focus();
  await vscode.page.keyboard.press('PageDown');
  await vscode.page.keyboard.press('PageDown');
  await expect.poll(local).toBeLessThan(before);
  expect(vscode.viewErrors()).toEqual([]);
});

it.each<Theme>(['light', 'dark', 'highContrast', 'highContrastLight'])(
  'looks right in the %s theme (see the screenshot) and passes the accessibility checks',
  async (theme) => {
    const view = await select(theme === 'light' || theme === 'dark' ? 'node_linear' : 'node_conv2d_1');
    await useTheme(vscode, theme, view);
    await slider(view).focus();
    await vscode.screenshot(`range-${theme}`);
    await expectAccessible(view.frame, 'section.chart', 5);
  },
);
