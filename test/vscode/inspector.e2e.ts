import { readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode, type Theme } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { expectAccessible } from './support/accessibility';
import { ModelView } from './support/modelView';
import { useTheme } from './support/useTheme';

/** Figures come from the engine, which other work on the machine can slow down. */
const patient = { timeout: 20_000 };

const SAMPLE = 'samples/mnist/mnist_cnn.onnx';
const LAYER = 'node_conv2d_1';
let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'model.onnx': SAMPLE },
    size: { width: 1400, height: 1500 },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

/** The weight of the layer as an independent reader sees it, channel by channel. */
function weightChannels(): Float32Array[] {
  const graph = onnxProto.onnx.ModelProto.decode(readFileSync(SAMPLE)).graph;
  const name = graph?.node?.find((node) => node.name === LAYER)?.input?.[1];
  const tensor = graph?.initializer?.find((each) => each.name === name);
  const values = new Float32Array(Uint8Array.from(tensor?.rawData ?? []).buffer);
  const channels = Number(tensor?.dims?.[0] ?? 0);
  const size = values.length / channels;
  return Array.from({ length: channels }, (_, channel) =>
    values.subarray(channel * size, (channel + 1) * size),
  );
}

/** The same as they are quantized: with the normalization behind the layer folded in. */
function foldedChannels(): Float32Array[] {
  const graph = onnxProto.onnx.ModelProto.decode(readFileSync(SAMPLE)).graph;
  const output = graph?.node?.find((node) => node.name === LAYER)?.output?.[0];
  const normalization = graph?.node?.find(
    ({ opType, input }) => opType === 'BatchNormalization' && input?.[0] === output,
  );
  const constant = (position: number): Float32Array => {
    const tensor = graph?.initializer?.find(({ name }) => name === normalization?.input?.[position]);
    return new Float32Array(Uint8Array.from(tensor?.rawData ?? []).buffer);
  };
  const [gain, variance] = [constant(1), constant(4)];
  const epsilon = normalization?.attribute?.find(({ name }) => name === 'epsilon')?.f ?? 1e-5;
  return weightChannels().map((channel, index) =>
    channel.map((value) => (value * (gain[index] ?? 0)) / Math.sqrt((variance[index] ?? 0) + epsilon)),
  );
}

const magnitudesOf = (of: readonly Float32Array[]): number[] =>
  of.map((channel) => Math.max(...channel.map(Math.abs)));
const channels = weightChannels();
const values = channels.flatMap((channel) => [...channel]);
const magnitudes = magnitudesOf(channels);
const folded = foldedChannels();
const foldedMagnitudes = magnitudesOf(folded);
const three = (value: number): string => String(Number(value.toPrecision(3)));

function section(view: ModelView, name: string): Locator {
  return view.frame.getByRole('region', { name, exact: true });
}

/** The facts that a section shows: name → value, without its note. */
async function facts(view: ModelView, name: string): Promise<Record<string, string>> {
  const found = section(view, name).locator('.fact');
  const entries = await found.evaluateAll((elements) =>
    elements.map((fact) => [
      fact.querySelector('dt')?.textContent ?? '',
      fact.querySelector('dd')?.firstChild?.textContent ?? '',
    ]),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Presses Tab until the focus is on what reads `name`. */
async function tabTo(view: ModelView, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await vscode.page.keyboard.press('Tab');
    const focused = await view.frame.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    if (focused === name) return;
  }
  throw new Error(`Tab does not reach ${name}.`);
}

async function openByKeyboard(view: ModelView, name: string): Promise<void> {
  await tabTo(view, name);
  await vscode.page.keyboard.press('Enter');
  await section(view, name).locator('[aria-expanded=true]').waitFor();
  await section(view, name).and(view.frame.locator('[aria-busy=false]')).waitFor();
}

it('opens the statistics of a weight by keyboard: they are those of the file', async () => {
  const view = await ModelView.shown(vscode);
  await view.layer(LAYER).locator('.cell.name').click();
  await vscode.page.keyboard.press('Enter');
  await expect.poll(() => section(view, 'Weight statistics').locator('svg').count()).toBe(0);
  await openByKeyboard(view, 'Weight statistics');
  await expect.poll(() => section(view, 'Weight statistics').locator('svg').count(), patient).toBe(1);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const moment = (power: number): number =>
    values.reduce((sum, value) => sum + (value - mean) ** power, 0) / values.length;
  await expect
    .poll(() => facts(view, 'Weight statistics'))
    .toEqual({
      Shape: '16×16×3×3 float',
      Values: '2,304',
      Minimum: three(Math.min(...values)),
      Maximum: three(Math.max(...values)),
      Mean: three(mean),
      'Std. deviation': three(Math.sqrt(moment(2))),
      Sparsity: '0.0 %',
      Kurtosis: three(moment(4) / moment(2) ** 2),
    });
});

it('exports the weight as a NumPy array', async () => {
  const view = await ModelView.shown(vscode);
  await section(view, 'Weight statistics').locator('vscode-button', { hasText: 'Export' }).click();
  await vscode.quickInput.waitFor('Export the Weight');
  await vscode.quickInput.answerPath(vscode.path('weight.npy'));
  const { text } = await vscode.dialogs.notification('Wrote weight.npy');
  expect(text).toMatch(/16×16×3×3 as float32, \d/);
  const bytes = readFileSync(vscode.path('weight.npy'));
  expect(
    Buffer.compare(bytes.subarray(-4 * values.length), Buffer.from(Float32Array.from(values).buffer)),
  ).toBe(0);
  await vscode.command('Notifications: Clear All Notifications');
  await view.frame.locator('.inspector').focus();
});

it('shows the range of each channel and names the one that decides', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Channels');
  const widest = magnitudes.indexOf(Math.max(...magnitudes));
  const text = (): Promise<string> => section(view, 'Channels').innerText();
  await expect
    .poll(text, patient)
    .toContain(`Channel ${widest} (±${three(Math.max(...magnitudes))}) decides`);
  const noise = magnitudes.reduce((sum, magnitude) => sum + magnitude ** 2, 0) / magnitudes.length;
  const gain = 10 * Math.log10(Math.max(...magnitudes) ** 2 / noise);
  await expect.poll(() => text()).toContain(`rounding noise ${gain.toFixed(1)} dB less`);
  await expect.poll(() => section(view, 'Channels').locator('.boxes rect').count()).toBe(channels.length);
  await tabTo(view, 'Figures as a table');
  await vscode.page.keyboard.press('Enter');
  const head = section(view, 'Channels').locator('tbody th');
  await expect.poll(() => head.count(), patient).toBe(channels.length);
  expect((await head.allInnerTexts()).map(Number)).toEqual(channels.map((_, channel) => channel));
  await section(view, 'Channels').locator('vscode-checkbox').click();
  const order = channels
    .map((_, channel) => channel)
    .sort((a, b) => (magnitudes[b] ?? 0) - (magnitudes[a] ?? 0));
  await expect.poll(async () => (await head.allInnerTexts()).map(Number), patient).toEqual(order);
});

it('divides the error of the planned scheme among channels, and sorts them', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Error by channel');
  const errors = folded.map((channel, index) => {
    const scale = Math.fround((2 * (foldedMagnitudes[index] ?? 0)) / 254);
    return channel.reduce((sum, value) => sum + (value - Math.round(value / scale) * scale) ** 2, 0);
  });
  const whole = errors.reduce((sum, error) => sum + error, 0);
  const order = errors.map((_, index) => index).sort((a, b) => (errors[b] ?? 0) - (errors[a] ?? 0));
  const table = section(view, 'Error by channel').locator('tbody tr');
  await section(view, 'Error by channel').locator('summary').click();
  await expect.poll(() => table.count(), patient).toBe(channels.length);
  await expect.poll(() => section(view, 'Error by channel').innerText()).toContain('rounding 100.0 %');
  await section(view, 'Error by channel').locator('vscode-checkbox').click();
  await expect
    .poll(() => table.first().innerText(), patient)
    .toContain(`${((100 * (errors[order[0] ?? 0] ?? 0)) / whole).toFixed(1)} %`);
  expect((await table.locator('th').allInnerTexts()).map(Number)).toEqual(order);
  await view.frame.locator('.inspector').focus();
});

it('counts the codes that the planned scheme uses', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Codes');
  const used = new Set<number>();
  const rounded = new Set<number>();
  folded.forEach((channel, index) => {
    const scale = Math.fround((2 * (foldedMagnitudes[index] ?? 0)) / 254);
    for (const value of channel) {
      const code = Math.round(Math.fround(value / scale));
      used.add(code);
      rounded.add(Math.fround(code * scale));
    }
  });
  await expect
    .poll(() => facts(view, 'Codes'))
    .toMatchObject({
      'Codes used': `${used.size} of 256 (${((100 * used.size) / 256).toFixed(1)} %)`,
      Scheme: 'w8a8',
      'Unique values': expect.stringContaining(` → ${rounded.size.toLocaleString('en-US')}`) as string,
    });
  // Nothing is clipped: the greatest difference is half a step of the widest channel.
  const half = Math.max(...foldedMagnitudes) / 254;
  const changed = /farther off than (?:±[\d.e-]+, up to )?([\d.e-]+)\./.exec(
    await section(view, 'Codes').innerText(),
  );
  expect(Number(changed?.[1])).toBeLessThanOrEqual(half * 1.01);
  expect(Number(changed?.[1])).toBeGreaterThan(half * 0.5);
  await section(view, 'Codes').scrollIntoViewIfNeeded();
  await vscode.screenshot('inspector-codes');
});

it('shows the powers of two of a codebook, and follows the plan', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Codebook');
  await expect.poll(() => section(view, 'Codebook').innerText(), patient).toContain('w8a8 has no codebook');
  await view.menu(LAYER, 'Quantize With…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('pow2-5');
  const greatest = Math.floor(Math.log2((4 / 3) * Math.max(...foldedMagnitudes)));
  await expect
    .poll(() => facts(view, 'Codebook'), patient)
    .toEqual({ Values: '17', Exponents: `${greatest - 7} … ${greatest}` });
  await expect.poll(() => section(view, 'Codebook').locator('.centroids line').count()).toBe(17);
  const table = [
    0,
    ...[1, -1].flatMap((sign) => [0, 1, 2, 3, 4, 5, 6, 7].map((at) => sign * 2 ** (greatest - at))),
  ];
  const nearest = (value: number): number =>
    table.reduce((best, each) => (Math.abs(value - each) < Math.abs(value - best) ? each : best));
  const used = new Set(folded.flatMap((channel) => [...channel].map(nearest))).size;
  await expect
    .poll(() => facts(view, 'Codes'))
    .toMatchObject({
      Scheme: 'pow2-5',
      'Codes used': `${used} of 17 (${((100 * used) / 17).toFixed(1)} %)`,
    });
  await vscode.page.keyboard.press('Escape');
  await view.layer(LAYER).locator('.cell.name').click();
  await vscode.undo();
  await view.waitForScheme(LAYER, 'w8a8');
  await expect.poll(() => section(view, 'Codebook').innerText(), patient).toContain('w8a8 has no codebook');
  await vscode.redo();
  await expect.poll(() => section(view, 'Codebook').locator('.centroids line').count(), patient).toBe(17);
});

it('shows a slice of the weight, and another one for another position', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Heat map');
  const heat = section(view, 'Heat map');
  await heat.locator('summary').click();
  /** Of input 1 of the first two channels, at a position of the 3×3 window. */
  const expected = (position: number): string[] =>
    channels.slice(0, 2).map((channel) => three(channel[9 + position] ?? 0));
  const shown = (): Promise<string[]> => heat.locator('tbody tr td:nth-child(3)').allInnerTexts();
  await expect.poll(async () => (await shown()).slice(0, 2), patient).toEqual(expected(0));
  await expect.poll(() => heat.locator('tbody tr').count()).toBe(channels.length);
  await heat.getByRole('spinbutton', { name: 'Position on axis 3' }).fill('2');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(async () => (await shown()).slice(0, 2), patient).toEqual(expected(2));
  await heat.getByRole('spinbutton', { name: 'Position on axis 2' }).fill('1');
  await vscode.page.keyboard.press('Enter');
  await expect.poll(async () => (await shown()).slice(0, 2), patient).toEqual(expected(5));
});

it('walks along the graph by keyboard', async () => {
  const view = await ModelView.shown(vscode);
  await openByKeyboard(view, 'Graph');
  const graph = section(view, 'Graph');
  const tree = (name: string): Locator => graph.getByRole('tree', { name: new RegExp(`^${name}`) });
  const nodes = onnxProto.onnx.ModelProto.decode(readFileSync(SAMPLE)).graph?.node ?? [];
  const output = nodes.find(({ name }) => name === LAYER)?.output?.[0] ?? '';
  const readers = nodes.filter(({ input }) => input?.includes(output)).map(({ name }) => name ?? '');
  await expect.poll(() => tree('Read by').getByRole('treeitem').count(), patient).toBe(readers.length);
  await expect.poll(() => tree('Read by').innerText()).toContain(`${output}: `);
  await tree('Read by').getByRole('treeitem').first().focus();
  await vscode.page.keyboard.press('Enter');
  const title = (): Promise<string> => view.frame.locator('.inspector h2').innerText();
  await expect.poll(title, patient).toBe(readers[0]);
  // The focus walks along, and back.
  const focused = (): Promise<string> =>
    view.frame.evaluate(
      () => document.activeElement?.closest('[role=tree]')?.getAttribute('aria-label') ?? '',
    );
  await expect.poll(focused, patient).toBe(`Read by: ${readers[0]}`);
  await tree('Reads from').getByRole('treeitem').filter({ hasText: LAYER }).focus();
  await vscode.page.keyboard.press('Enter');
  await expect.poll(title, patient).toBe(LAYER);
  await expect.poll(focused, patient).toBe(`Reads from: ${LAYER}`);
  await graph.scrollIntoViewIfNeeded();
  await vscode.screenshot('inspector-graph');
});

it('keeps open sections when the selection moves and when the view is made again', async () => {
  let view = await ModelView.shown(vscode);
  await view.layer('node_linear').locator('.cell.name').click();
  await expect
    .poll(() => facts(view, 'Weight statistics'), patient)
    .toMatchObject({ Shape: '300×1568 float' });
  await expect.poll(() => section(view, 'Channels').locator('path.band').count(), patient).toBe(2);
  await view.layer(LAYER).locator('.cell.name').click();
  await vscode.command('View: Toggle Primary Side Bar Visibility');
  const before = view.frame;
  await vscode.command('Developer: Reload Webviews');
  await expect.poll(() => before.isDetached(), patient).toBe(true);
  view = await ModelView.shown(vscode);
  await expect
    .poll(() => facts(view, 'Weight statistics'), patient)
    .toMatchObject({ Shape: '16×16×3×3 float' });
  await section(view, 'Codebook').locator('svg').waitFor();
  expect(vscode.viewErrors()).toEqual([]);
});

it.each<Theme>(['light', 'dark', 'highContrast', 'highContrastLight'])(
  'looks right in the %s theme (see the screenshots) and passes the accessibility checks',
  async (theme) => {
    const view = await ModelView.shown(vscode);
    await useTheme(vscode, theme, view);
    await section(view, 'Weight statistics').locator('svg').waitFor();
    await section(view, 'Codebook').locator('svg').waitFor();
    await section(view, 'Codebook').locator('figcaption').scrollIntoViewIfNeeded();
    await vscode.screenshot(`inspector-${theme}`);
    await section(view, 'Graph').locator('[role=tree]').last().scrollIntoViewIfNeeded();
    await vscode.screenshot(`inspector-graph-${theme}`);
    await expectAccessible(view.frame, '.inspector', 5);
  },
);
