import { existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { chooseDataBeside, ModelView } from './support/modelView';

let vscode: VsCode;
keepEvidence(() => vscode);

beforeAll(async () => {
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: {
      'model.onnx': 'samples/mnist/mnist_cnn.onnx',
      'calibration.npz': 'samples/mnist/calibration.npz',
    },
  });
  await vscode.openFile('model.onnx');
});
afterAll(() => vscode?.close());

const planFile = (): string => vscode.path('model.quant.json');
const plan = (): { recover?: unknown; layers: Record<string, { scheme: string }> } =>
  JSON.parse(readFileSync(planFile(), 'utf8')) as never;
const planFact = (view: ModelView) => view.frame.locator('header .fact', { hasText: 'Plan' });

it('asks for the scheme of an 8-bit layer, then for the steps, and makes one edit of it', async () => {
  const view = await ModelView.shown(vscode);
  await view.menu('node_linear', 'Quantize with Compensation…');
  await vscode.quickInput.waitFor('Quantize With');
  await vscode.quickInput.pick('w4');
  await vscode.quickInput.waitFor('Quantize with Compensation');
  await expect
    .poll(() => vscode.quickInput.labels())
    .toEqual(['Equalization', 'GPTQ', 'INQ', 'Coordinate descent', 'Scale refit', 'Bias correction']);
  // GPTQ, scale refit and bias correction are ticked; INQ takes the place of GPTQ.
  await vscode.quickInput.pickMany('INQ', 'Bias correction');
  await view.waitForScheme('node_linear', 'w4');
  await expect.poll(() => planFact(view).innerText()).toContain('Compensated: INQ, Scale refit');
  const { buttons } = await vscode.dialogs.notification('INQ and scale refit make up for');
  expect(buttons).toContain('Write Quantized Model…');
  await vscode.screenshot('compensated');
  await vscode.save();
  await expect.poll(() => existsSync(planFile())).toBe(true);
  expect(plan().recover).toEqual({ steps: ['inq', 'refit'] });
  expect(plan().layers['node_linear']?.scheme).toBe('w4');
});

it('takes it all back by one undo, and asks for no scheme where one of few bits is chosen', async () => {
  const view = await ModelView.shown(vscode);
  await vscode.undo();
  await view.waitForScheme('node_linear', 'w8a8');
  await expect.poll(() => planFact(view).innerText()).not.toContain('Compensated');
  await vscode.redo();
  await view.waitForScheme('node_linear', 'w4');
  await planFact(view).getByRole('button', { name: 'Compensated' }).click();
  await vscode.quickInput.waitFor('Quantize with Compensation');
  await vscode.quickInput.pickMany('GPTQ');
  await expect.poll(() => planFact(view).innerText()).toContain('Compensated: GPTQ, Scale refit');
});

it('writes the model with it and says what was won', async () => {
  await vscode.dialogs.pressInNotification('GPTQ and scale refit make up for', 'Write Quantized Model…');
  await chooseDataBeside(vscode, 'calibration.npz');
  await vscode.quickInput.waitFor('Write model.onnx Quantized');
  await vscode.quickInput.answerPath(vscode.path('compensated.onnx'));
  const { text } = await vscode.dialogs.notification('Wrote compensated.onnx', 60_000);
  const [, before, after] = /GPTQ and scale refit: output ([\d.]+) dB → ([\d.]+) dB on/.exec(text) ?? [];
  expect(Number(after)).toBeGreaterThan(Number(before));
  expect(text).not.toContain('eeds compensation');
  expect(statSync(vscode.path('compensated.onnx')).size).toBeLessThan(
    0.15 * statSync(vscode.path('model.onnx')).size,
  );
  await vscode.screenshot('compensated-written');
});
