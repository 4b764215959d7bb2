import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import type { ReportData } from '../../src/core/reportResults';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { markdownPreview } from './support/markdownPreview';
import { quantizedByCli } from './support/quantizedByCli';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';
import { useTheme } from './support/useTheme';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  const sample = 'samples/mnist/mnist_cnn.onnx';
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': sample,
      'model.w4.onnx': quantizedByCli(join(projectRoot, sample), 'w4'),
      'test.npz': 'samples/mnist/test.npz',
    },
  });
});
afterAll(() => vscode?.close());

/** What is on offer, without icons. */
async function labels(): Promise<string[]> {
  return (await vscode.quickInput.labels()).map((label) => label.trim());
}

it('writes a report of the unsaved plan with what a scan has measured', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await chooseDataBeside(vscode, 'test.npz');
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await view.button('Scan Sensitivity').waitFor({ timeout: 60_000 });
  await view.menu('node_conv2d', 'Keep Float');
  await view.waitForScheme('node_conv2d', 'float');
  await view.button('Write Report…').click();
  await vscode.quickInput.waitFor('Report of model.onnx');
  await expect.poll(() => labels()).toEqual(['model.report', 'Choose a Folder…']);
  await vscode.screenshot('report-folder');
  await vscode.quickInput.pick('model.report');
  const { text, buttons } = await vscode.dialogs.notification('Wrote a report', 90_000);
  expect(text).toMatch(
    /^Wrote a report into model\.report \(8 files\): 1\.95 MB → \d+ kB .*output SQNR on \d+ samples of the verify slice: logits \d\d\.\d dB\. It is of the plan as the editor shows it, which is not saved yet\./,
  );
  expect(buttons).toContain('Open');
  await vscode.screenshot('report-written');
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
  const report = JSON.parse(readFileSync(vscode.path('model.report/report.json'), 'utf8')) as ReportData;
  expect(report.layers.map(({ scheme }) => scheme)).toEqual(['float', 'w8a8', 'w8a8', 'w8a8', 'w8a8']);
  expect(report.layers.filter(({ sensitivity }) => sensitivity !== null)).toHaveLength(4);
});

it("opens it in VS Code's Markdown preview, with its charts", async () => {
  await vscode.dialogs.pressInNotification('Wrote a report', 'Open');
  const frame = await markdownPreview(vscode, 'model.onnx, quantized');
  await vscode.screenshot('report-preview');
  await expect.poll(() => frame.locator('img').count()).toBe(5);
  await expect
    .poll(() => frame.locator('table').nth(1).locator('tbody tr').count())
    .toBe(SAMPLE_LAYERS.length);
  await frame
    .locator('img')
    .first()
    .evaluate((element) => element.scrollIntoView());
  await vscode.screenshot('report-preview-charts');
  for (const theme of ['dark', 'highContrast', 'highContrastLight', 'light'] as const) {
    await useTheme(vscode, theme);
    await vscode.screenshot(`report-preview-${theme}`);
  }
});

it('asks before it writes among files that are not of a report', async () => {
  writeFileSync(vscode.path('model.report/notes.txt'), 'mine');
  await vscode.contextMenu(vscode.explorerRow('model.onnx'), 'Write Report…');
  await vscode.quickInput.waitFor('Report of model.onnx');
  await vscode.quickInput.pick('model.report');
  const { message, detail } = await vscode.dialogs.modal();
  expect(message).toBe('model.report has other files in it. Write the report among them?');
  expect(detail).toContain('Left alone: notes.txt.');
  await vscode.screenshot('report-question');
  const before = readFileSync(vscode.path('model.report/report.json'), 'utf8');
  await vscode.dialogs.press('Cancel');
  await vscode.page.waitForTimeout(500);
  expect((await vscode.dialogs.notifications()).map(({ text }) => text).join()).not.toContain('Writing');
  expect(readFileSync(vscode.path('model.report/report.json'), 'utf8')).toBe(before);
});

it('leaves no folder behind when it is cancelled', async () => {
  await vscode.contextMenu(vscode.explorerRow('model.w4.onnx'), 'Write Report…');
  await chooseDataBeside(vscode, 'test.npz');
  await vscode.quickInput.waitFor('Report of model.w4.onnx', 60_000);
  await vscode.quickInput.pick('model.w4.report');
  await expect.poll(() => existsSync(vscode.path('model.w4.report')), { timeout: 20_000 }).toBe(true);
  await vscode.dialogs.pressInNotification('Writing a report of model.w4.onnx', 'Cancel');
  await vscode.dialogs.notificationGone('Writing a report of model.w4.onnx');
  await expect.poll(() => existsSync(vscode.path('model.w4.report'))).toBe(false);
});
