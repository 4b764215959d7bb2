import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { manyLayers } from '../support/manyLayers';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { acceptFormats, ModelView } from './support/modelView';

let vscode: VsCode;
let made: string;
keepEvidence(() => vscode);

/** So many that a scan of them lasts longer than what is done meanwhile. */
const LAYERS = 480;
const LAYER = 'layer60';
const SECTION = 'Weight statistics';
const patient = { timeout: 30_000 };

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'roundoff-many-'));
  await writeModelFile(manyLayers(LAYERS), join(made, 'model.onnx'));
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': join(made, 'model.onnx'), 'notes.txt': new Uint8Array() },
    size: { width: 1600, height: 900 },
  });
  await vscode.openFile('notes.txt');
  await vscode.openFile('model.onnx');
  arranged = await arrange();
});
afterAll(async () => {
  await vscode?.close();
  await rm(made, { recursive: true, force: true });
});

interface Kept {
  /** Title of the inspector: the selected layer. */
  selected: string;
  scrollTop: number;
  /** Whether the section of the inspector is open. */
  open: string | null;
}

let arranged: Kept;

const grid = (view: ModelView): Locator => view.frame.getByRole('treegrid');

const title = (view: ModelView, layer: string): Locator =>
  view.frame.locator('.inspector h2', { hasText: layer });

const scrollTopOf = (view: ModelView): Promise<number> => grid(view).evaluate((element) => element.scrollTop);

async function keptBy(view: ModelView): Promise<Kept> {
  return {
    selected: await view.frame.locator('.inspector h2').innerText(),
    scrollTop: await scrollTopOf(view),
    open: await view.frame.locator('.inspector button', { hasText: SECTION }).getAttribute('aria-expanded'),
  };
}

/** What the view that is shown now keeps; it may be made anew meanwhile. */
async function shownState(): Promise<Kept | undefined> {
  try {
    return await keptBy(await ModelView.shown(vscode));
  } catch {
    return undefined;
  }
}

/** Frames of all views that are on the screen. */
async function shownViews(): Promise<Frame[]> {
  const shown: Frame[] = [];
  for (const frame of vscode.page.frames()) {
    const rows = frame.locator('[role=treegrid] [data-id]').first();
    if (frame.url().includes('fake.html') && (await rows.isVisible().catch(() => false))) shown.push(frame);
  }
  return shown;
}

/** A text of each view, or nothing where it has none. */
async function inEachView(selector: string): Promise<string[]> {
  const views = await shownViews();
  const texts = views.map(async (frame) => (await frame.locator(selector).first().textContent()) ?? '');
  return Promise.all(texts);
}

/** Scrolls by wheel and selects a layer by mouse and keyboard, opens a section: what a user would not want to do again. */
async function arrange(): Promise<Kept> {
  const view = await ModelView.shown(vscode);
  await view.frame.getByRole('button', { name: 'Expand All' }).click();
  await view.layer('layer1').waitFor();
  await grid(view).hover();
  await vscode.page.mouse.wheel(0, 1500);
  await view.layer(LAYER).waitFor();
  await view.layer('layer61').locator('.cell.name').click();
  await title(view, 'layer61').waitFor();
  await view.frame.locator('[data-id="row:layer61"]:focus').waitFor();
  await vscode.page.keyboard.press('ArrowUp');
  await title(view, LAYER).waitFor();
  const section = view.frame.locator('.inspector button', { hasText: SECTION });
  await section.click();
  await section.and(view.frame.locator('[aria-expanded=true]')).waitFor();
  // Positions are kept when the scrolling pauses.
  await vscode.page.waitForTimeout(300);
  return keptBy(view);
}

it('keeps selection, scroll and open sections while it is hidden', async () => {
  expect(arranged).toEqual({ selected: LAYER, scrollTop: expect.any(Number) as number, open: 'true' });
  expect(arranged.scrollTop).toBeGreaterThan(500);
  await vscode.tab('notes.txt').click();
  await expect.poll(async () => (await shownViews()).length, patient).toBe(0);
  await vscode.tab('model.onnx').click();
  await expect.poll(shownState, patient).toEqual(arranged);
});

it('keeps them when it is moved to another group', async () => {
  await vscode.command('View: Move Editor into Next Group');
  await expect.poll(() => vscode.page.locator('.editor-group-container').count(), patient).toBe(2);
  await expect.poll(shownState, patient).toEqual(arranged);
  await vscode.command('View: Move Editor into Previous Group');
  await expect.poll(() => vscode.page.locator('.editor-group-container').count(), patient).toBe(1);
  await expect.poll(shownState, patient).toEqual(arranged);
});

it('shows an edit in both views of one document', async () => {
  await vscode.command('View: Split Editor Right');
  await expect.poll(async () => (await shownViews()).length, patient).toBe(2);
  const scheme = `[data-id="row:${LAYER}"] .cell.scheme`;
  for (const frame of await shownViews()) await frame.locator('vscode-textfield.filter input').fill(LAYER);
  await expect.poll(() => inEachView(scheme), patient).toEqual(['w8a8', 'w8a8']);
  const view = await ModelView.shown(vscode);
  await view.menu(LAYER, 'Keep Float');
  await expect.poll(() => inEachView(scheme), patient).toEqual(['float', 'float']);
  await vscode.undo();
  await expect.poll(() => inEachView(scheme), patient).toEqual(['w8a8', 'w8a8']);
});

it('shows the progress of a scan in both views, and goes on while they are hidden', async () => {
  await vscode.command('Roundoff: Choose Calibration Data…');
  await vscode.quickInput.waitFor('Calibration data');
  await vscode.quickInput.pick('Random Inputs');
  await vscode.command('Roundoff: Scan Layer Sensitivity…');
  await acceptFormats(vscode);
  const measured = async (): Promise<number[]> =>
    (await inEachView('.status .figures')).map((text) => Number(/^([\d,]+) of/.exec(text)?.[1] ?? 0));
  await expect
    .poll(async () => (await measured()).filter((count) => count > 0).length, { ...patient, interval: 20 })
    .toBe(2);
  await vscode.screenshot('scan-in-two-views');
  await vscode.command('View: Close Editors in Other Groups');
  const before = Math.max(...(await measured()));
  await vscode.tab('notes.txt').first().click();
  await expect.poll(async () => (await shownViews()).length, patient).toBe(0);
  await vscode.tab('model.onnx').first().click();
  await expect.poll(async () => (await measured())[0] ?? 0, patient).toBeGreaterThan(before);
  await (await ModelView.shown(vscode)).button('Pause Scan').click();
});
