import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { MemorySink } from '../../src/core/onnx/memory';
import type { Model } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import type { ModelSummary } from '../../src/core/results';
import { blockedInt4, codebook, qdqConv } from '../core/graph/quantization/forms';
import { callCli } from './support/callCli';

const folder = mkdtempSync(join(tmpdir(), 'roundoff-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function written(model: Model): Promise<string> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  const file = join(folder, 'model.onnx');
  writeFileSync(file, sink.bytes());
  return file;
}

it('names the stored format before the shape of a weight', async () => {
  const { stdout } = await callCli(['inspect', await written(codebook())]);
  expect(stdout).toMatch(/^product +MatMul +lut5 \[64, 10\] +640 /m);
  expect((await callCli(['inspect', await written(blockedInt4())])).stdout).toMatch(
    /^product +MatMul +int4 \[64, 10\] /m,
  );
});

it('tells formats and folded nodes in the JSON', async () => {
  const { stdout } = await callCli(['inspect', await written(qdqConv()), '--json']);
  const { layers, nodes } = JSON.parse(stdout) as ModelSummary;
  expect(layers).toMatchObject([
    {
      name: 'conv',
      stored: {
        badge: 'int8',
        via: 'dequantize',
        granularity: { kind: 'per-channel', axis: 0, scales: 3 },
        codebook: null,
      },
      activations: { inputs: ['uint8'], output: 'uint8' },
    },
  ]);
  const shown = nodes.filter(({ foldedInto }) => foldedInto === undefined);
  expect(shown.map(({ name, activations }) => [name, activations])).toEqual([
    ['relu', { inputs: [], output: 'uint8' }],
    ['pool', { inputs: ['uint8'], output: 'uint8' }],
  ]);
});
