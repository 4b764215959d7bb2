import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { projectRoot } from '../../scripts/vscode/paths';
import { parseCsv } from '../../src/engine/data/csv';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { expectAccessible } from './support/accessibility';
import { markdownPreview } from './support/markdownPreview';
import { chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';
import { quantizedByCli } from './support/quantizedByCli';
import { useTheme } from './support/useTheme';

let vscode: VsCode;
keepEvidence(() => vscode);

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

beforeAll(async () => {
  const sample = 'samples/mnist/mnist_cnn.onnx';
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    size: { width: 1280, height: 1000 },
    files: {
      'model.onnx': sample,
      'model.u2.onnx': quantizedByCli(join(projectRoot, sample), 'u2'),
      'test.npz': 'samples/mnist/test.npz',
      'classes.txt': new TextEncoder().encode(`${DIGITS.join('\n')}\n`),
    },
  });
});
afterAll(() => vscode?.close());

/** The view of a comparison, once it shows samples. */
async function comparison(heading: string): Promise<Frame> {
  const first = async () => (await vscode.view()).locator('.comparison h1').innerText({ timeout: 1000 });
  await expect.poll(() => first().catch(() => ''), { timeout: 60_000 }).toBe(heading);
  const frame = await vscode.view();
  await frame.locator('.sample').first().waitFor();
  return frame;
}

/** Tabs of panels are no files. */
const comparisonTab = (): Locator =>
  vscode.page.locator('.tabs-container .tab', { hasText: 'model.onnx against model.u2.onnx' }).first();

const chosen = (frame: Frame): Locator => frame.locator('.sample[aria-selected=true]');

/** Number of the chosen sample, once its details are there. */
async function chosenSample(frame: Frame): Promise<number> {
  const number = (await chosen(frame).locator('.number').first().innerText()).trim();
  await frame.locator('.sample-details h3', { hasText: `Sample ${number}` }).waitFor();
  return Number(number);
}

/** What is on offer, without icons. */
async function labels(): Promise<string[]> {
  return (await vscode.quickInput.labels()).map((label) => label.trim());
}

/** Exports something by mouse. @returns the bytes that were written. */
async function exported(frame: Frame, title: string, choice: string, file: string): Promise<Buffer> {
  await frame.getByRole('button', { name: `Export ${title}`, exact: true }).click();
  await vscode.quickInput.waitFor(`Export “${title}”`);
  await vscode.quickInput.pick(choice);
  await expect.poll(() => vscode.quickInput.value()).toBe(vscode.path(file));
  await vscode.quickInput.accept();
  await vscode.dialogs.notification(`Wrote ${file}.`);
  return readFileSync(vscode.path(file));
}

it('compares two models of the explorer, and shows the samples whose class changes', async () => {
  const entries = await vscode.openMenu(vscode.explorerRow('model.onnx'));
  expect(entries).toContain('Select for Compare with Roundoff');
  expect(entries).not.toContain('Compare with Selected in Roundoff');
  await vscode.pickFromMenu('Select for Compare with Roundoff');
  // The extension starts with this command, and the menu knows only then that something is selected.
  await expect
    .poll(
      async () => {
        await vscode.page.keyboard.press('Escape');
        return vscode.openMenu(vscode.explorerRow('model.u2.onnx'));
      },
      { timeout: 20_000 },
    )
    .toContain('Compare with Selected in Roundoff');
  await vscode.pickFromMenu('Compare with Selected in Roundoff');
  await chooseDataBeside(vscode, 'test.npz');
  const frame = await comparison('model.onnx against model.u2.onnx');
  const text = (): Promise<string> => frame.locator('.comparison').innerText();
  await expect
    .poll(text)
    .toMatch(/Measured on \d+ samples of the verify slice of test\.npz, both files as run\./);
  await expect
    .poll(text)
    .toMatch(/Latency, median of single runs, in turns\s+[\d.]+ ms\s+[\d.]+ ms\s+[\d.]+ ×/);
  await expect.poll(text).toMatch(/Peak memory, of a process with Node and the runtime\s+\d+ MB/);
  await expect
    .poll(() => chosen(frame).innerText())
    .toMatch(/(zero|one|two|three|four|five|six|seven|eight|nine) \(\d\) → \w+ \(\d\)/);
  await chosenSample(frame);
  const picture = frame.locator('.sample-details img');
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(28);
  const rows = frame.locator('table.scores tbody tr');
  await expect.poll(() => rows.count()).toBe(5);
  await expect
    .poll(() => rows.first().innerText())
    .toMatch(/^1\s+\w+ \(\d\)\s+-?[\d.]+ \([\d.]+ %\)\s+\w+ \(\d\)/);
  await vscode.screenshot('comparison');
  await expectAccessible(frame, '.comparison', 15);
});

it('walks through the samples by keyboard, and keeps the place when it is hidden and reloaded', async () => {
  let frame = await vscode.view();
  await frame.locator('.sample-list').focus();
  const before = await chosenSample(frame);
  await vscode.page.keyboard.press('ArrowDown');
  await expect.poll(() => chosenSample(frame)).not.toBe(before);
  await frame.locator('vscode-checkbox', { hasText: 'Only samples that change' }).click();
  await expect.poll(() => frame.locator('.sample:not(.changed)').count()).toBe(0);
  await frame.locator('.sample-list').focus();
  await vscode.page.keyboard.press('End');
  await expect
    .poll(
      async () =>
        (await frame.locator('.sample').last().getAttribute('id')) === `sample-${await chosenSample(frame)}`,
    )
    .toBe(true);
  const last = await chosenSample(frame);
  await vscode.openFile('model.onnx');
  await ModelView.shown(vscode);
  await comparisonTab().click();
  frame = await comparison('model.onnx against model.u2.onnx');
  await expect.poll(() => chosenSample(frame)).toBe(last);
  // In the browser, VS Code stores every five seconds what is open, and what its views have noted.
  await vscode.page.waitForTimeout(8000);
  await vscode.page.reload();
  // Which tab comes back in front is not certain.
  await comparisonTab().click();
  frame = await comparison('model.onnx against model.u2.onnx');
  await expect.poll(() => chosenSample(frame)).toBe(last);
  await expect
    .poll(() =>
      frame.locator('.sample-details img').evaluate((image: HTMLImageElement) => image.naturalWidth),
    )
    .toBe(28);
});

it('writes charts as SVG and PNG and tables as CSV, beside the model', async () => {
  await comparisonTab().click();
  const frame = await comparison('model.onnx against model.u2.onnx');
  const svg = await exported(frame, 'Error by layer', 'Save as SVG…', 'model.error-by-layer.svg');
  const text = svg.toString('utf8');
  expect(text).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(text).not.toMatch(/var\(|class=|<style|color-mix|currentColor/);
  const drawn = await sharp(svg).stats();
  expect(drawn.channels.some(({ stdev }) => stdev > 1)).toBe(true);
  const png = await exported(
    frame,
    'Differences of values',
    'Save as PNG…',
    'model.differences-of-values.png',
  );
  const { format, width = 0, height = 0 } = await sharp(png).metadata();
  expect(format).toBe('png');
  expect([width, height]).toEqual([960, 480]);
  expect((await sharp(png).stats()).channels[0]?.stdev).toBeGreaterThan(5);
  const csv = await exported(frame, 'Error by layer', 'Save Table as CSV…', 'model.error-by-layer.csv');
  const rows = parseCsv(csv.toString('utf8'));
  expect(rows[0]).toEqual(['Layer', 'Operator', 'Alone', 'Accumulated', 'Remark']);
  expect(rows.slice(1).map(([layer]) => layer)).toEqual([...SAMPLE_LAYERS]);
  expect(readdirSync(vscode.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('exports charts of the editor too, and by keyboard', async () => {
  await vscode.openFile('model.onnx');
  const view = await ModelView.shown(vscode);
  await view.layer('node_conv2d').locator('.cell.name').click();
  await view.frame.locator('.inspector').getByRole('button', { name: 'Weight statistics' }).click();
  const button = view.frame.getByRole('button', { name: 'Export Values by bin of the histogram' });
  await button.waitFor();
  const svg = await exported(
    view.frame,
    'Values by bin of the histogram',
    'Save as SVG…',
    'model.values-by-bin-of-the-histogram.svg',
  );
  expect((await sharp(svg).metadata()).format).toBe('svg');
  expect(svg.toString('utf8')).not.toMatch(/var\(|class=/);
  await button.focus();
  await vscode.page.keyboard.press('Enter');
  await vscode.quickInput.waitFor('Export “Values by bin of the histogram”');
  await expect
    .poll(() => labels())
    .toEqual(['Save as SVG…', 'Save as PNG…', 'Save Table as CSV…', 'Copy Table as CSV']);
  await vscode.screenshot('export-choice');
  await vscode.quickInput.cancel();
});

it('compares a model with its plan, and leaves no file behind', async () => {
  const before = readdirSync(vscode.folder);
  await vscode.openFile('model.onnx');
  await ModelView.shown(vscode);
  await vscode.command('Roundoff: Compare With…');
  await vscode.quickInput.waitFor('Compare model.onnx With');
  await expect.poll(() => labels()).toEqual(['The Plan', 'model.u2.onnx', 'Choose a Model…']);
  await vscode.quickInput.pick('The Plan');
  await chooseDataBeside(vscode, 'test.npz');
  const frame = await comparison('model.onnx against its plan');
  await expect.poll(() => frame.locator('.comparison').innerText()).toContain('(model.w8a8.onnx, not kept)');
  // The sample can still be looked at, although the file is gone.
  await chosenSample(frame);
  await frame.locator('.sample-details img').waitFor();
  expect(readdirSync(vscode.folder)).toEqual(before);
});

it('can be read in every theme', async () => {
  await comparisonTab().click();
  const frame = await comparison('model.onnx against model.u2.onnx');
  for (const theme of ['dark', 'highContrast', 'highContrastLight'] as const) {
    await useTheme(vscode, theme, { frame });
    await frame.locator('.comparison').evaluate((element) => element.scrollTo(0, 0));
    await vscode.screenshot(`comparison-${theme}`);
    await expectAccessible(frame, '.comparison', 15);
    await frame.locator('h2', { hasText: 'Confusion' }).evaluate((element) => element.scrollIntoView());
    await vscode.screenshot(`comparison-${theme}-charts`);
  }
  expect(vscode.viewErrors()).toEqual([]);
});

it('opens as a Markdown document with charts for the theme', async () => {
  await useTheme(vscode, 'highContrast');
  const frame = await comparison('model.onnx against model.u2.onnx');
  await frame.getByRole('button', { name: 'Open as Markdown' }).click();
  const document = await markdownPreview(vscode, 'model.onnx against model.u2.onnx');
  for (const heading of ['Classes that change', 'Labels taken for other classes', 'Class scores, sample 0']) {
    await expect.poll(() => document.locator('body').innerText()).toContain(heading);
  }
  await document.locator('h2', { hasText: 'Layers' }).evaluate((element) => element.scrollIntoView());
  await vscode.screenshot('comparison-markdown-high-contrast');
});
