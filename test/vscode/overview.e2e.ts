import { rmSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { expectAccessible } from './support/accessibility';
import { acceptFormats, chooseDataBeside, ModelView, SAMPLE_LAYERS } from './support/modelView';
import { useTheme } from './support/useTheme';

/** Figures come from the engine, which other work on the machine can slow down. */
const patient = { timeout: 30_000 };

/** The line that the sample's stack traces name, moved down by three lines since. */
const SCRIPT = [
  'import torch',
  ...Array<string>(19).fill('# …'),
  '    x=s.layer3(s.layer2(s.layer1(x))); return s.fc2(s.fc1(x.flatten(1)))',
  '',
].join('\n');

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': 'samples/mnist/mnist_cnn.onnx',
      'test.npz': 'samples/mnist/test.npz',
      'train_mnist.py': new TextEncoder().encode(SCRIPT),
    },
    size: { width: 1400, height: 1000 },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

const panel = (view: ModelView): Locator => view.frame.getByRole('region', { name: 'Overview', exact: true });
const shape = (view: ModelView, name: string): Locator =>
  panel(view).getByRole('treeitem', { name: new RegExp(`^${name}\\.`) });
const names = async (view: ModelView): Promise<string[]> => {
  const labels = await panel(view)
    .getByRole('treeitem')
    .evaluateAll((items) => items.map((item) => item.getAttribute('aria-label') ?? ''));
  return labels.map((label) => label.split('. ')[0] ?? '');
};
const focused = (view: ModelView): Promise<string> =>
  view.frame.evaluate(() => {
    const id = document.activeElement?.getAttribute('aria-activedescendant');
    return (id && document.getElementById(id)?.getAttribute('aria-label')?.split('. ')[0]) ?? '';
  });
const crumbs = async (view: ModelView): Promise<string> =>
  (await panel(view).getByRole('navigation', { name: 'Module shown' }).innerText()).trim();
const selectedRow = (view: ModelView): Promise<string | null> =>
  view.frame.locator('[role=treegrid] [aria-selected=true]').first().getAttribute('data-id');

it('shows where the bytes are, and puts together what is too small to see', async () => {
  const view = await ModelView.shown(vscode);
  await view.frame.getByRole('switch', { name: 'Overview' }).click();
  await expect.poll(() => names(view)).toEqual(expect.arrayContaining(['model.onnx', 'fc1', 'node_linear']));
  expect((await names(view)).filter((name) => name.includes(' … '))).toContain('layer1 … layer2');
  const [whole, fc1] = await Promise.all(
    ['model\\.onnx', 'fc1'].map(async (name) => {
      const box = await shape(view, name).locator('rect').first().boundingBox();
      return box?.width ?? NaN;
    }),
  );
  // 300 × 1568 + 300 of 481,342 parameters, all of them float.
  expect((fc1 ?? 0) / (whole ?? 1)).toBeCloseTo(470_700 / 481_342, 2);
});

it('is walked and zoomed by keyboard, and selects in the layer tree', async () => {
  const view = await ModelView.shown(vscode);
  await panel(view).getByRole('tree').focus();
  /** Presses a key until the walk is at a shape. */
  const walk = async (key: string, name: string): Promise<void> => {
    await expect
      .poll(async () => {
        if ((await focused(view)) !== name) await vscode.page.keyboard.press(key);
        return focused(view);
      })
      .toBe(name);
  };
  await walk('ArrowDown', 'layer1 … layer2');
  await walk('ArrowRight', 'fc1');
  await expect.poll(() => panel(view).locator('.shape-tip').innerText()).toContain('1.88 MB');
  await walk('ArrowDown', 'node_linear');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => selectedRow(view)).toBe('row:node_linear');
  await walk('ArrowUp', 'fc1');
  await walk('ArrowLeft', 'layer1 … layer2');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => crumbs(view)).toMatch(/^model\.onnx\s+layer1 … layer2$/);
  await walk('ArrowDown', 'layer1');
  await walk('ArrowRight', 'layer2');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => crumbs(view)).toMatch(/^model\.onnx\s+layer2$/);
  // The layer tree shows no BatchNormalization now, so that layer2 and its first part are one group there.
  await expect.poll(() => selectedRow(view)).toBe('group:layer2\0layer2.0');
  await walk('ArrowDown', 'node_conv2d_1');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => selectedRow(view)).toBe('row:node_conv2d_1');
  await vscode.page.keyboard.press('Escape');
  await expect.poll(() => crumbs(view)).toBe('model.onnx');
});

it('is clicked and zoomed by mouse, and comes back as it was when the view is made again', async () => {
  let view = await ModelView.shown(vscode);
  await shape(view, 'fc1').dblclick({ position: { x: 60, y: 8 } });
  await expect.poll(() => names(view)).toEqual(['fc1', 'node_linear']);
  await expect.poll(() => selectedRow(view)).toBe('group:fc1');
  const before = view.frame;
  await vscode.command('Developer: Reload Webviews');
  await expect.poll(() => before.isDetached(), patient).toBe(true);
  view = await ModelView.shown(vscode);
  await expect.poll(() => names(view), patient).toEqual(['fc1', 'node_linear']);
  await shape(view, 'node_linear').click();
  await expect.poll(() => selectedRow(view)).toBe('row:node_linear');
  await panel(view).getByRole('button', { name: 'model.onnx' }).click();
  await expect.poll(() => names(view)).toContain('fc2');
});

it('counts the bits of the plan as it changes', async () => {
  const view = await ModelView.shown(vscode);
  const bits = panel(view).getByRole('region', { name: 'Bit widths' });
  await bits.locator('summary').focus();
  await vscode.page.keyboard.press('Enter');
  const cells = (): Promise<string[]> => bits.locator('tbody tr').allInnerTexts();
  await expect
    .poll(async () => (await cells()).map((text) => text.split('\t').slice(0, 3)), patient)
    .toEqual([
      ['8-bit integer', '481,086', '99.9 %'],
      ['other constants', '256', '0.1 %'],
    ]);
  await view.menu('node_linear', 'Keep Float');
  await expect
    .poll(async () => (await cells()).map((text) => text.split('\t').slice(0, 2)), patient)
    .toEqual([
      ['32-bit float', '470,700'],
      ['8-bit integer', '10,386'],
      ['other constants', '256'],
    ]);
  await expect.poll(async () => (await cells())[0]?.split('\t')[4], patient).toBe('1.88 MB');
  await vscode.undo();
  await expect.poll(async () => (await cells()).length, patient).toBe(2);
  await bits.locator('summary').click();
});

it('opens the Python line that a layer comes from, and says when it is not there', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer('node_linear_1').locator('.cell.name').click();
  const source = view.frame.getByRole('region', { name: 'Source', exact: true });
  await source.getByRole('button', { name: 'Source' }).focus();
  await vscode.page.keyboard.press('Enter');
  const place = source.getByRole('button', { name: 'train_mnist.py:18' });
  await place.focus();
  await vscode.page.keyboard.press('Enter');
  await vscode.tab('train_mnist.py').waitFor();
  await expect.poll(() => vscode.page.locator('.statusbar').innerText(), patient).toContain('Ln 21, Col 1');
  await vscode.closeTab('train_mnist.py');
  rmSync(vscode.path('train_mnist.py'));
  const again = await ModelView.shown(vscode);
  const section = again.frame.getByRole('region', { name: 'Source', exact: true });
  await expect
    .poll(async () => {
      await section.getByRole('button', { name: 'train_mnist.py:18' }).click();
      return section.getByRole('alert').innerText({ timeout: 2000 });
    }, patient)
    .toContain('train_mnist.py is not in the workspace');
  await section.getByRole('button', { name: 'Source' }).click();
});

it('shows MACs when the batch is known, and what a scan has measured, opened from the palette', async () => {
  const view = await ModelView.shown(vscode);
  await panel(view).locator('vscode-single-select').click();
  await panel(view).getByRole('option', { name: 'MACs' }).click();
  await expect.poll(() => panel(view).innerText()).toContain('set the free dimensions');
  await view.frame.locator('header .dimension vscode-textfield input').fill('1');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => names(view), patient).toContain('node_conv2d_1');
  await panel(view).getByRole('button', { name: 'Close Overview' }).click();
  await view.button('Scan Sensitivity').click();
  await acceptFormats(vscode);
  await chooseDataBeside(vscode, 'test.npz');
  for (const layer of SAMPLE_LAYERS) {
    await expect.poll(() => view.cell(layer, 'sensitivity'), { timeout: 60_000 }).toMatch(/^\d/);
  }
  await view.button('Scan Sensitivity').waitFor({ timeout: 60_000 });
  await vscode.command('Roundoff: Show Overview');
  await expect
    .poll(() =>
      panel(view)
        .getByRole('tree')
        .evaluate((tree) => tree === document.activeElement),
    )
    .toBe(true);
  await expect
    .poll(() => shape(view, 'node_linear').getAttribute('aria-label'))
    .toMatch(/Sensitivity \d.* KL$/);
  await expect.poll(() => shape(view, 'node_conv2d').getAttribute('class')).toContain('heat-5');
  expect(vscode.viewErrors()).toEqual([]);
});

it.each<Theme>(['light', 'dark', 'highContrast', 'highContrastLight'])(
  'looks right in the %s theme (see the screenshot) and passes the accessibility checks',
  async (theme) => {
    const view = await ModelView.shown(vscode);
    await useTheme(vscode, theme, view);
    await shape(view, 'node_conv2d_1').hover();
    await panel(view).locator('.shape-tip').waitFor();
    await vscode.screenshot(`overview-${theme}`);
    await expectAccessible(view.frame, '.overview', 5);
  },
);
