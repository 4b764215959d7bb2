import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { bigModel } from '../../bench/support/bigModel';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

let vscode: VsCode;
let made: string;
keepEvidence(() => vscode);

/** Of four layers and eight other nodes: 100,008 nodes, which take seconds to inspect. */
const BLOCKS = 8334;
const LAYERS = 4 * BLOCKS;
const LAYER = '/model/layers.7/self_attn/q_proj/MatMul';
const FIRST_LAYER = '/model/layers.0/self_attn/q_proj/MatMul';
const patient = { timeout: 120_000 };

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'roundoff-large-'));
  await writeModelFile(bigModel(BLOCKS, 1), join(made, 'large.onnx'));
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'large.onnx': join(made, 'large.onnx'), 'model.onnx': 'samples/mnist/mnist_cnn.onnx' },
  });
  // The first view of a window takes seconds, in which the large model could be read.
  await vscode.openFile('model.onnx');
  await ModelView.shown(vscode);
});
afterAll(async () => {
  await vscode?.close();
  await rm(made, { recursive: true, force: true });
});

/** Reading takes a few seconds, and to look at what is shown meanwhile takes longer on a busy machine. */
async function whileEngineWaits(look: () => Promise<void>): Promise<void> {
  const [engine] = await vscode.processes('engine.mjs');
  if (engine === undefined) throw new Error('No engine runs.');
  process.kill(engine.pid, 'SIGSTOP');
  try {
    await look();
  } finally {
    process.kill(engine.pid, 'SIGCONT');
  }
}

async function planFirstLayers(view: ModelView): Promise<void> {
  const grid = view.frame.getByRole('treegrid');
  await expect.poll(() => grid.getAttribute('aria-rowcount')).toBe('-1');
  await expect
    .poll(() => view.frame.locator('.toolbar .count').innerText())
    .toBe('First 1,000, reading the rest…');
  await expect.poll(() => view.group('model').locator('.cell.parameters').innerText()).toBe('…');
  await vscode.screenshot('large-model-coming');
  await view.frame.getByRole('button', { name: 'Expand All' }).click();
  await view.layer(FIRST_LAYER).waitFor();

  await view.filter('layers.7/self_attn/q_proj');
  await view.layer(LAYER).locator('.cell.name').click();
  await view.menu(LAYER, 'Keep Float');
  await view.waitForScheme(LAYER, 'float');
}

it('is shown by its first layers, which can be planned, until all of it has been read', async () => {
  await vscode.openFile('large.onnx');
  const view = await ModelView.shown(vscode, 'large.onnx');
  await whileEngineWaits(() => planFirstLayers(view));

  const grid = view.frame.getByRole('treegrid');
  const count = view.frame.locator('.toolbar .count');
  await view.frame.locator('[role=treegrid][aria-busy=false]').waitFor(patient);
  await expect
    .poll(() => view.frame.getByText('All rows have been read.').getAttribute('role'))
    .toBe('status');
  await view.filter('');
  await expect.poll(() => count.innerText()).toBe('');
  await expect.poll(() => grid.getAttribute('aria-rowcount')).not.toBe('-1');
  await expect
    .poll(() => view.group('model').locator('.cell.op').innerText())
    .toBe(`${LAYERS.toLocaleString('en')} layers`);
  await expect
    .poll(() => view.group('model').locator('.cell.scheme').getAttribute('title'))
    .toBe(`${LAYERS - 1} w8a8, 1 float`);
  // What was selected stays so.
  await expect.poll(() => view.frame.locator('.inspector h2').innerText()).toBe(LAYER);
  // Modules that came after Expand All are open too.
  expect(Number(await grid.getAttribute('aria-rowcount'))).toBeGreaterThan(LAYERS);
  await vscode.screenshot('large-model-whole');
});
