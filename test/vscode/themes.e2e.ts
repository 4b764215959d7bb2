import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const themes: Theme[] = ['light', 'dark', 'highContrast', 'highContrastLight'];

describe.each(themes)('in the %s theme', (theme) => {
  let vscode: VsCode;
  keepEvidence(() => vscode);
  afterEach(() => vscode?.close());

  it('looks right (see the screenshot) and passes the accessibility checks', async () => {
    vscode = await openVsCode({
      extensionsFolder: inject('extensionsFolder'),
      theme,
      size: { width: 1440, height: 860 },
      files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', 'test.npz': 'samples/mnist/test.npz' },
    });
    await vscode.openFile('model.onnx');
    const view = await ModelView.shown(vscode);
    await view.menu('node_linear_1', 'Keep Float');
    await view.layer('node_conv2d_1').locator('.cell.name').click();
    await view.frame.locator('.error-split svg').waitFor();
    await view.button('Scan Sensitivity').click();
    await vscode.quickInput.waitFor('Calibration data');
    await vscode.quickInput.pick('test.npz');
    await expect.poll(() => view.cell('node_linear_1', 'sensitivity'), { timeout: 90_000 }).toMatch(/^\d/);
    await view.button('Scan Sensitivity').waitFor();
    await vscode.screenshot(`theme-${theme}`);

    await view.frame.evaluate(axeSource);
    const results = await view.frame.evaluate<AxeResults>(
      "axe.run('#root', { runOnly: ['wcag2a', 'wcag2aa', 'best-practice'], rules: { region: { enabled: false } } })",
    );
    expect(results.passes.length).toBeGreaterThan(10);
    const violations = results.violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
    );
    expect(violations).toEqual([]);
  });
});

it('keeps its content security policy strict', async () => {
  const vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
  try {
    await vscode.openFile('model.onnx');
    const { frame } = await ModelView.shown(vscode);
    const policy = await frame.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'nonce-[\w+/=]{20,}'; style-src [^;]+; font-src [^;]+$/,
    );
    expect(policy).not.toContain('unsafe');
    expect(await frame.locator('#root').innerHTML()).not.toMatch(/<script|javascript:/);
  } finally {
    await vscode.close();
  }
});
