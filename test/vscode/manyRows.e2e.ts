/** Commands on more rows than fit the message with which VS Code tells what a menu was opened on. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../src/core/onnx/build';
import { MemorySink } from '../../src/core/onnx/memory';
import { DataType, type Model } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import { keepEvidence } from './harness/evidence';
import { openVsCode } from './harness/openVsCode';
import type { VsCode } from './harness/vsCode';
import { ModelView } from './support/modelView';

const LAYERS = 3000;
const name = (at: number): string => `/model/layers.${at}/self_attn/q_proj/MatMul`;

let vscode: VsCode;
keepEvidence(() => vscode);

function model(): Model {
  const node = Array.from({ length: LAYERS }, (_, at) =>
    makeNode({
      opType: 'MatMul',
      name: name(at),
      input: [at === 0 ? 'x' : `v${at - 1}`, 'w'],
      output: [`v${at}`],
    }),
  );
  const graph = makeGraph({
    node,
    initializer: [floatTensor('w', [1, 0, 0, 1], [2, 2])],
    input: [makeValueInfo('x', DataType.FLOAT, [1, 2])],
    output: [makeValueInfo(`v${LAYERS - 1}`, DataType.FLOAT, [1, 2])],
  });
  return makeModel(graph, { opset: 21 });
}

beforeAll(async () => {
  const sink = new MemorySink();
  await writeModel(model(), sink);
  vscode = await openVsCode({
    extensionsFolder: inject('extensionsFolder'),
    files: { 'many.onnx': sink.bytes() },
  });
});
afterAll(() => vscode?.close());

it('gives every selected row what the menu says', async () => {
  await vscode.openFile('many.onnx');
  const view = await ModelView.shown(vscode, 'many.onnx');
  await view.frame.getByRole('button', { name: 'Expand All' }).click();
  await view.layer(name(0)).locator('.cell.name').click();
  await vscode.page.keyboard.press('ControlOrMeta+a');
  await view.menu(name(0), 'Keep Float');
  await view.waitForScheme(name(0), 'float');
  await vscode.save();
  const planned = (): number => {
    const plan = JSON.parse(readFileSync(vscode.path('many.quant.json'), 'utf8')) as {
      layers: Record<string, { scheme: string }>;
    };
    return Object.values(plan.layers).filter(({ scheme }) => scheme === 'float').length;
  };
  await expect.poll(planned, { timeout: 20_000 }).toBe(LAYERS);
  expect(vscode.viewErrors()).toEqual([]);
});
