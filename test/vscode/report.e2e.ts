import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import type { ReportData } from '../../src/core/reportResults';
import { keepEvidence } from './harness/evidence';
import { openVsCode, themeNames } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  const sample = 'samples/mnist/mnist_cnn.onnx';
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': sample,
      'model.w4.onnx': quantized(join(projectRoot, sample), 'w4'),
      'test.npz': 'samples/mnist/test.npz',
    },
  });
});
afterAll(() => vscode?.close());

/** What the command line makes of a model. */
function quantized(model: string, scheme: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'roundoff-report-'));
  try {
    const output = join(folder, 'quantized.onnx');
    const cli = join(projectRoot, 'dist', 'cli.mjs');
    execFileSync(process.execPath, [cli, 'quantize', model, '--scheme', scheme, '--output', output]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The Markdown preview, once it shows a heading and all of its pictures. */
async function preview(heading: string | RegExp): Promise<Frame> {
  await expect
    .poll(async () => (await vscode.view()).locator('h1').first().innerText(), { timeout: 30_000 })
    .toMatch(heading);
  const shown = await vscode.view();
  await expect
    .poll(() =>
      shown
        .locator('img')
        .evaluateAll((images) =>
          images.map((image) => image instanceof HTMLImageElement && image.naturalWidth > 0),
        ),
    )
    .not.toContain(false);
  return shown;
}

/** What is on offer, without icons. */
async function labels(): Promise<string[]> {
  return (await vscode.quickInput.labels()).map((label) => label.trim());
}

/** Scrolls a heading of the preview to the top, for a picture. */
async function scrollTo(frame: Frame, heading: string): Promise<void> {
  await frame
    .locator('h2', { hasText: heading })
    .first()
    .evaluate((element) => element.scrollIntoView());
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
  await vscode.command('Roundoff: Write Report…');
  await vscode.quickInput.waitFor('Report of model.onnx');
  expect(await labels()).toEqual(['model.report', 'Choose a Folder…']);
  await vscode.screenshot('report-folder');
  await vscode.quickInput.pick('model.report');
  const { text, buttons } = await vscode.dialogs.notification('Wrote a report', 90_000);
  expect(text).toMatch(
    /^Wrote a report into model\.report \(7 files\): 1\.95 MB → \d+ kB .*output SQNR on \d+ samples of the verify slice: logits \d\d\.\d dB\. It is of the plan as the editor shows it, which is not saved yet\./,
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
  const frame = await preview('model.onnx, quantized');
  await vscode.screenshot('report-preview');
  expect(await frame.locator('img').count()).toBe(4);
  expect(await frame.locator('table').nth(1).locator('tbody tr').count()).toBe(SAMPLE_LAYERS.length);
  await frame
    .locator('img')
    .first()
    .evaluate((element) => element.scrollIntoView());
  await vscode.screenshot('report-preview-charts');
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

it('compares two models of the explorer', async () => {
  const entries = await vscode.openMenu(vscode.explorerRow('model.onnx'));
  expect(entries).toContain('Select for Compare with Roundoff');
  expect(entries).not.toContain('Compare with Selected in Roundoff');
  await vscode.pickFromMenu('Select for Compare with Roundoff');
  await vscode.openMenu(vscode.explorerRow('model.w4.onnx'));
  await vscode.screenshot('compare-menu');
  await vscode.pickFromMenu('Compare with Selected in Roundoff');
  const frame = await preview('model.onnx against model.w4.onnx');
  await vscode.screenshot('compare');
  const text = await frame.locator('body').innerText();
  expect(text).toMatch(/Measured on \d+ samples of the verify slice from test\.npz/);
  for (const layer of SAMPLE_LAYERS) {
    const row = frame.getByRole('row').filter({ has: frame.getByRole('cell', { name: layer, exact: true }) });
    expect(await row.innerText()).toMatch(/\d\d\.\d dB\s+\d\d\.\d dB/);
  }
  for (const heading of ['Classes that change', 'Labels taken for other classes', 'Class scores, sample 0']) {
    expect(text).toContain(heading);
  }
  await scrollTo(frame, 'Classes that change');
  await vscode.screenshot('compare-classes');
  await scrollTo(frame, 'Layers');
  await vscode.screenshot('compare-layers');
  await scrollTo(frame, 'Output values');
  await vscode.screenshot('compare-cost');
});

it('shows charts that can be read in a dark theme', async () => {
  mkdirSync(vscode.path('.vscode'), { recursive: true });
  const settings = { 'workbench.colorTheme': themeNames.dark };
  writeFileSync(vscode.path('.vscode/settings.json'), JSON.stringify(settings));
  // The preview may be made anew while it is looked at.
  const theme = async () => (await vscode.view()).locator('body').getAttribute('class', { timeout: 1000 });
  await expect.poll(() => theme().catch(() => ''), { timeout: 20_000 }).toContain('vscode-dark');
  const scrolled = async () => scrollTo(await vscode.view(), 'Layers').then(() => true);
  await expect.poll(() => scrolled().catch(() => false), { timeout: 20_000 }).toBe(true);
  await vscode.screenshot('compare-dark');
});

it('compares the two models that are selected in the explorer', async () => {
  await vscode.explorerRow('model.onnx').click();
  await vscode.explorerRow('model.w4.onnx').click({ modifiers: ['ControlOrMeta'] });
  const entries = await vscode.openMenu(vscode.explorerRow('model.w4.onnx'));
  expect(entries).not.toContain('Select for Compare with Roundoff');
  await vscode.pickFromMenu('Compare Selected in Roundoff');
  await vscode.dialogs.notification('Comparing model.onnx with model.w4.onnx');
  await vscode.dialogs.notificationGone('Comparing model.onnx', 60_000);
  const frame = await preview('model.onnx against model.w4.onnx');
  await scrollTo(frame, 'Layers');
  await vscode.screenshot('compare-made-in-dark');
});

it('compares a model with its plan, and leaves no file behind', async () => {
  const before = readdirSync(vscode.folder);
  await vscode.tab('model.onnx').click();
  await ModelView.shown(vscode);
  await vscode.command('Roundoff: Compare With…');
  await vscode.quickInput.waitFor('Compare model.onnx With');
  expect(await labels()).toEqual(['The Plan', 'model.w4.onnx', 'Choose a Model…']);
  await vscode.screenshot('compare-with');
  await vscode.quickInput.pick('The Plan');
  const frame = await preview('model.onnx against its plan');
  expect(await frame.locator('body').innerText()).toContain('(model.w8a8.onnx, not kept)');
  expect(readdirSync(vscode.folder)).toEqual(before);
});
