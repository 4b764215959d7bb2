import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { expectAccessible } from './support/accessibility';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';
import { useTheme } from './support/useTheme';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', 'test.npz': 'samples/mnist/test.npz' },
  });
});
afterAll(() => vscode?.close());

it('is scanned, with a layer selected', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear_1', 'Keep Float');
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await chooseDataBeside(vscode, 'test.npz');
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await view.button('Scan Sensitivity').waitFor();
  await view.layer('node_conv2d_1').locator('.cell.name').click();
  await view.frame.locator('.error-split svg.plot').waitFor();
});

it('keeps its content security policy strict, and breaks none of it', async () => {
  const { frame } = await ModelView.shown(vscode);
  const policy = await frame.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  expect(policy).toMatch(
    /^default-src 'none'; script-src 'nonce-[\w+/=]{20,}'; style-src [^;]+; font-src [^;]+; img-src data:$/,
  );
  expect(policy).not.toContain('unsafe');
  await expect.poll(() => frame.locator('#root').innerHTML()).not.toMatch(/<script|javascript:/);
  expect(vscode.viewErrors()).toEqual([]);
});

it.each<Theme>(['light', 'dark', 'highContrast', 'highContrastLight'])(
  'looks right in the %s theme (see the screenshot) and passes the accessibility checks',
  async (theme) => {
    const view = await ModelView.shown(vscode);
    await useTheme(vscode, theme, view);
    await vscode.screenshot(`theme-${theme}`);
    await expectAccessible(view.frame, '#root', 10);
  },
);

it('drops columns for want of width, never name, scheme and sensitivity', async () => {
  const view = await ModelView.shown(vscode);
  await useTheme(vscode, 'light', view);
  const columns = (): Promise<string[]> => view.frame.locator('.grid .head .cell:visible').allInnerTexts();
  const all = ['Name', 'Operator', 'Weight', 'Parameters', 'Size', 'MACs', 'Scheme', 'Sensitivity'];
  await vscode.page.setViewportSize({ width: 1600, height: 900 });
  await expect.poll(columns).toEqual(all);
  await vscode.page.setViewportSize({ width: 1280, height: 800 });
  await expect.poll(columns).toEqual(all.filter((name) => name !== 'Parameters' && name !== 'MACs'));
  await vscode.page.setViewportSize({ width: 760, height: 800 });
  await expect.poll(columns).toEqual(['Name', 'Size', 'Scheme', 'Sensitivity']);
  await vscode.screenshot('narrow');
  await vscode.page.setViewportSize({ width: 1280, height: 800 });
});
