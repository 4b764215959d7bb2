import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': 'samples/mnist/mnist_cnn.onnx', 'test.npz': 'samples/mnist/test.npz' },
  });
  await vscode.openFile('model.onnx');
  await ModelView.shown(vscode);
});
afterAll(() => vscode?.close());

async function chooseData(view: ModelView): Promise<void> {
  await vscode.command('Roundoff: Choose Calibration Data…');
  await chooseDataBeside(vscode, 'test.npz');
  await expect
    .poll(() => view.frame.locator('header').innerText(), { timeout: 30_000 })
    .toContain('test.npz');
}

async function enginePid(): Promise<number> {
  const [engine] = await vscode.processes('engine.mjs');
  if (!engine) throw new Error('No engine runs.');
  return engine.pid;
}

/** Figures of the status row: how many candidates of how many. */
async function progress(view: ModelView): Promise<[number, number]> {
  const text = await view.frame.locator('.status .figures').first().innerText({ timeout: 1000 });
  const [, done = '', total = ''] = /^([\d,]+) of ([\d,]+)/.exec(text) ?? [];
  return [Number(done.replaceAll(',', '')), Number(total.replaceAll(',', ''))];
}

/** Waits until a scan has ended with a figure for each layer: no guess is left. */
async function allMeasured(view: ModelView): Promise<void> {
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await view.button('Scan Sensitivity').waitFor({ timeout: 60_000 });
}

async function schemes(view: ModelView): Promise<string[]> {
  return Promise.all(SAMPLE_LAYERS.map((layer) => view.cell(layer, 'scheme')));
}

function plans(view: ModelView): Locator {
  return view.frame.getByRole('region', { name: 'Plans' });
}

it('pauses a scan half-way, resumes it and measures only the rest', async () => {
  const view = await ModelView.shown(vscode);
  await chooseData(view);
  const pid = await enginePid();
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  // Held as soon as something is measured, so that the mouse meets it half-way.
  await expect
    .poll(async () => (await progress(view).catch(() => [0]))[0], { interval: 5, timeout: 60_000 })
    .toBeGreaterThan(0);
  process.kill(pid, 'SIGSTOP');
  const [done, total] = await progress(view);
  expect(done).toBeLessThan(total);
  expect(total).toBe(4 * SAMPLE_LAYERS.length);
  await view.button('Pause Scan').click();
  await view.button('Resume Scan').waitFor();
  expect((await progress(view))[0]).toBeGreaterThanOrEqual(done);
  await vscode.screenshot('scan-paused');
  await view.button('Resume Scan').click();
  await allMeasured(view);
  await vscode.screenshot('scan-ended');
});

it('measures with more samples, and says so', async () => {
  const view = await ModelView.shown(vscode);
  await vscode.command('Roundoff: Scan With More Samples…');
  await vscode.quickInput.waitFor('so far 32 were measured');
  await vscode.quickInput.answer('16');
  await vscode.quickInput.waitFor('more than 32');
  await vscode.quickInput.answer('64');
  await allMeasured(view);
  const title = () => view.layer('node_conv2d').locator('.cell.sensitivity').getAttribute('title');
  await expect.poll(title, { timeout: 60_000 }).toMatch(/^KL, scan slice, 64 samples, simulated: /);
});

it('keeps what is measured when a scan is cancelled half-way, and goes on from there', async () => {
  await vscode.command('Roundoff: Clear Cached Results');
  await vscode.dialogs.notification('Cached results cleared');
  await vscode.undo();
  await vscode.waitForDirty('model.onnx', false);
  const view = await ModelView.shown(vscode);
  // Other data, other figures: those of the data before are gone.
  await expect.poll(() => view.cell('node_conv2d', 'sensitivity')).toBe('');
  await chooseData(view);
  const pid = await enginePid();
  await vscode.command('Roundoff: Scan Layer Sensitivity…');
  await acceptFormats(vscode);
  await expect
    .poll(async () => (await progress(view).catch(() => [0]))[0], { interval: 5, timeout: 60_000 })
    .toBeGreaterThan(0);
  process.kill(pid, 'SIGSTOP');
  await view.button('Cancel Scan').click();
  await view.button('Scan Sensitivity').waitFor({ timeout: 5000 });
  const cells = await Promise.all(SAMPLE_LAYERS.map((layer) => view.cell(layer, 'sensitivity')));
  expect(cells.filter((text) => /^\d/.test(text)).length).toBeGreaterThan(0);
  // The same scan again: what was measured is not measured twice.
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await allMeasured(view);
});

it('searches with a byte budget: plans appear, and the best is marked', async () => {
  const view = await ModelView.shown(vscode);
  await vscode.command('Roundoff: Search Hybrid Plan…');
  await vscode.quickInput.waitFor('What the plan must keep to');
  await vscode.quickInput.pick('File Size');
  await vscode.quickInput.waitFor('a size such as 1.5 MB');
  await vscode.quickInput.answer('0');
  await vscode.quickInput.waitFor('more than 0');
  await vscode.quickInput.answer('20%');
  await acceptFormats(vscode);
  const { text, buttons } = await vscode.dialogs.notification('Found a plan', 120_000);
  expect(text).toMatch(/Verified on \d+ samples of the verify slice, as run: KL divergence/);
  expect(buttons).toContain('Apply Plan');
  await plans(view).getByRole('option').first().waitFor();
  await expect.poll(() => plans(view).getByRole('option').count()).toBeGreaterThan(3);
  await expect.poll(() => plans(view).innerText()).toMatch(/\d+ plans, [1-9]\d* verified/);
  await vscode.screenshot('searched');
});

it('explains plans under the mouse and moves along them by keyboard; Enter applies one, undo takes it back', async () => {
  const view = await ModelView.shown(vscode);
  const before = await schemes(view);
  const chart = plans(view).getByRole('listbox');
  const details = view.frame.getByRole('complementary', { name: 'Plan' });
  await plans(view)
    .getByRole('option', { name: /chosen by the search/ })
    .hover();
  await expect.poll(() => details.innerText()).toMatch(/Formats/);
  await chart.focus();
  await vscode.page.keyboard.press('Home');
  const first = await plans(view).locator('[role=option][aria-posinset="1"]').getAttribute('id');
  await expect.poll(() => chart.getAttribute('aria-activedescendant')).toBe(first);
  const cheapest = await details.innerText();
  await vscode.page.keyboard.press('ArrowRight');
  await expect.poll(() => details.innerText()).not.toBe(cheapest);
  await vscode.page.keyboard.press('Home');
  await expect.poll(() => details.innerText()).toBe(cheapest);
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => details.innerText()).toMatch(/applied/i);
  await expect.poll(() => schemes(view)).not.toEqual(before);
  await vscode.waitForDirty('model.onnx', true);
  await vscode.screenshot('plan-applied');
  await vscode.undo();
  await expect.poll(() => schemes(view)).toEqual(before);
});

it('chooses by a budget without a new run, and a click applies; the written file keeps to it', async () => {
  const view = await ModelView.shown(vscode);
  const budget = plans(view).locator('vscode-textfield input');
  await budget.fill('14%');
  await expect.poll(() => plans(view).locator('.choice').innerText()).toMatch(/^Best within: /);
  await budget.fill('1 B');
  await expect.poll(() => plans(view).locator('.choice').innerText()).toMatch(/No plan found is within/);
  await budget.fill('20%');
  await budget.press('Enter');
  await expect.poll(() => plans(view).innerText()).toMatch(/applied/i);
  const planned = await schemes(view);
  expect(planned.some((scheme) => scheme !== 'w8a8')).toBe(true);
  await view.button('Write Quantized Model…').click();
  await vscode.quickInput.waitFor('Quantized');
  await vscode.quickInput.answerPath(vscode.path('small.onnx'));
  await vscode.dialogs.notification('Wrote small.onnx', 60_000);
  const share = statSync(vscode.path('small.onnx')).size / statSync(vscode.path('model.onnx')).size;
  expect(share).toBeLessThanOrEqual(0.2);
  // The plan is an edit until it is saved.
  expect(existsSync(vscode.path('model.quant.json'))).toBe(false);
  await vscode.tab('model.onnx').click();
  await vscode.save();
  await vscode.waitForDirty('model.onnx', false);
  const saved = JSON.parse(readFileSync(vscode.path('model.quant.json'), 'utf8')) as { layers: object };
  expect(Object.keys(saved.layers).length).toBeGreaterThan(0);
});

it('shows the same plans as a table', async () => {
  const view = await ModelView.shown(vscode);
  const count = await plans(view).getByRole('option').count();
  await view.button('Show as Table').click();
  await expect.poll(() => plans(view).locator('tbody tr').count()).toBe(count);
  await vscode.screenshot('plans-table');
  await view.button('Show as Chart').click();
});

it('explains a layer and offers what would help, from its menu and from the palette', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Explain');
  const inspector = view.frame.locator('.inspector');
  await expect.poll(() => inspector.innerText(), { timeout: 30_000 }).toMatch(/Rounding makes [\d.]+ %/);
  await vscode.screenshot('explained');
  await vscode.command('Roundoff: Explain This Layer');
  await expect.poll(() => inspector.innerText(), { timeout: 30_000 }).toMatch(/Rounding makes/);
  expect(vscode.viewErrors()).toEqual([]);
});

it('searches with compensated candidates, and applies the steps with the plan as one edit', async () => {
  const view = await ModelView.shown(vscode);
  const planFact = view.frame.locator('header .fact', { hasText: 'Plan' });
  await vscode.command('Roundoff: Search Hybrid Plan…');
  await vscode.quickInput.waitFor('What the plan must keep to');
  await vscode.quickInput.pick('File Size');
  await vscode.quickInput.waitFor('a size such as 1.5 MB');
  await vscode.quickInput.answer('14%');
  await vscode.quickInput.waitFor('Formats to try for each layer');
  await vscode.screenshot('search-formats');
  // The formats of the last time stay ticked.
  await vscode.quickInput.pickMany('Compensate Rounding…');
  await vscode.quickInput.waitFor('in each layer on its own');
  await expect.poll(() => vscode.quickInput.labels()).not.toContain('Equalization');
  // GPTQ, scale refit and bias correction are ticked.
  await vscode.quickInput.pickMany('Scale refit');
  await expect
    .poll(() => plans(view).innerText(), { timeout: 240_000 })
    .toMatch(/[1-9]\d* verified[^]*compensated: GPTQ, Bias correction(?![^]*searching)[^]*met/);
  await vscode.screenshot('searched-compensated');
  const before = await schemes(view);
  const chart = plans(view).getByRole('listbox');
  await chart.focus();
  await vscode.page.keyboard.press('Home');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => planFact.innerText()).toContain('Compensated: GPTQ, Bias correction');
  await vscode.screenshot('compensated-applied');
  await vscode.undo();
  await expect.poll(() => schemes(view)).toEqual(before);
  await expect.poll(() => planFact.innerText()).not.toContain('Compensated');
});
