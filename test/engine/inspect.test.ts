import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  floatTensor,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../src/core/onnx/build';
import { MemorySink } from '../../src/core/onnx/memory';
import { DataType, type Tensor } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import type { ModelSummary } from '../../src/core/results';
import { openModelFile } from '../../src/engine/files/modelFile';
import { readGraph } from '../../src/engine/files/readGraph';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { inspectModel, weightHashes } from '../../src/engine/inspect';
import { firstLayers, inspect as inspectFile } from '../../src/engine/methods/inspect';
import { weightHash } from '../../src/engine/weightHash';
import { manyLayers } from '../support/manyLayers';
import { sharedModel } from '../support/sharedModels';

const sample = resolve(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx');

async function inspect(path: string, dims: Record<string, number> = {}): Promise<ModelSummary> {
  const opened = await openModelFile(path);
  try {
    return await inspectModel(opened, dims);
  } finally {
    await opened.close();
  }
}

describe('the sample', () => {
  it('has the layers, parameters and outputs that its training script gave it', async () => {
    const summary = await inspect(sample);
    expect(summary).toMatchObject({
      file: sample,
      bytes: 1951118,
      irVersion: 10,
      opsets: [{ domain: '', version: 20 }],
      inputs: [{ name: 'input', dtype: 'float', shape: ['batch', 1, 28, 28] }],
      outputs: [{ name: 'logits', dtype: 'float', shape: ['batch', 10], kind: 'logits', classAxis: 1 }],
      parameters: 481342,
      macs: null,
      macsUnknown: 5,
      dimensions: { batch: null },
      problems: [],
    });
    expect(
      summary.layers.map(({ name, path, op, parameters }) => [name, path.join('/'), op, parameters]),
    ).toEqual([
      ['node_conv2d', 'layer1/layer1.0', 'Conv', 416],
      ['node_conv2d_1', 'layer2/layer2.0', 'Conv', 2320],
      ['node_conv2d_2', 'layer3/layer3.0', 'Conv', 4640],
      ['node_linear', 'fc1', 'Gemm', 470700],
      ['node_linear_1', 'fc2', 'Gemm', 3010],
    ]);
    expect(summary.layers.every(({ quantizable, reason }) => quantizable && reason === null)).toBe(true);
    expect(summary.layers[3]?.weight).toEqual({
      name: 'fc1.weight',
      shape: [300, 1568],
      dtype: 'float',
      hash: null,
    });
    expect(
      summary.nodes.filter(({ op }) => op === 'BatchNormalization').map(({ parameters }) => parameters),
    ).toEqual([64, 64, 128]);
  });

  it('has known costs once its batch is', async () => {
    const summary = await inspect(sample, { batch: 2 });
    const perImage = [28 * 28 * 16 * 25, 28 * 28 * 16 * 144, 14 * 14 * 32 * 144, 1568 * 300, 300 * 10];
    expect(summary.layers.map(({ macs }) => macs)).toEqual(perImage.map((macs) => 2 * macs));
    expect(summary).toMatchObject({ macs: 2 * 3496504, macsUnknown: 0, dimensions: { batch: 2 } });
  });

  it('names a dimension that it does not have, and refuses sizes that are none', async () => {
    const { problems } = await inspect(sample, { bach: 1 });
    expect(problems).toEqual([
      { severity: 'warning', message: 'The model has no free dimension "bach"; it has "batch".', node: null },
    ]);
    await expect(inspect(sample, { batch: -1 })).rejects.toThrow('Dimension batch cannot be -1');
  });

  it('gives plain JSON', async () => {
    const summary = await inspect(sample);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });

  it('has a hash per weight', async () => {
    const opened = await openModelFile(sample);
    const hashes = await weightHashes(opened);
    await opened.close();
    expect(Object.keys(hashes)).toHaveLength(5);
    expect(new Set(Object.values(hashes)).size).toBe(5);
    for (const hash of Object.values(hashes)) expect(hash).toMatch(/^sha256:[0-9a-f]{16}$/);
  });
});

describe('weight hash', () => {
  it('depends on type, shape and elements, not on the name', async () => {
    const hash = await weightHash(floatTensor('a', [1, 2, 3, 4], [2, 2]));
    expect(await weightHash(floatTensor('b', [1, 2, 3, 4], [2, 2]))).toBe(hash);
    const others = [
      floatTensor('a', [1, 2, 3, 5], [2, 2]),
      floatTensor('a', [1, 2, 3, 4], [4, 1]),
      makeTensor('a', DataType.INT32, [2, 2], new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer)),
    ];
    for (const other of others) expect(await weightHash(other)).not.toBe(hash);
  });
  it('is cancelled between chunks', async () => {
    await expect(weightHash(floatTensor('a', [1]), { aborted: true })).rejects.toThrow('Cancelled');
  });
});

describe('external data', () => {
  it('that is missing or too short is a problem with its file, and the layers still show', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roundoff-inspect-'));
    try {
      const w: Tensor = {
        ...floatTensor('w', new Float32Array(12), [4, 3]),
        rawData: undefined,
        dataLocation: 1,
        externalData: [
          { key: 'location', value: 'weights.bin' },
          { key: 'offset', value: '16' },
          { key: 'length', value: '48' },
        ],
      };
      const graph = makeGraph({
        input: [makeValueInfo('x', DataType.FLOAT, [1, 4])],
        initializer: [w],
        node: [makeNode({ opType: 'MatMul', input: ['x', 'w'], output: ['y'] })],
        output: [makeValueInfo('y', DataType.FLOAT)],
      });
      const sink = new MemorySink();
      await writeModel(makeModel(graph), sink);
      const path = join(folder, 'model.onnx');
      writeFileSync(path, sink.bytes());

      const missing = await inspect(path);
      expect(missing.layers).toMatchObject([{ name: 'MatMul_0', bytes: 48, macs: 12 }]);
      expect(missing.problems).toMatchObject([{ severity: 'error' }]);
      expect(missing.problems[0]?.message).toContain('weights.bin');

      writeFileSync(join(folder, 'weights.bin'), new Uint8Array(40));
      expect((await inspect(path)).problems).toMatchObject([{ severity: 'error' }]);

      writeFileSync(join(folder, 'weights.bin'), new Uint8Array(64));
      const whole = await inspect(path);
      expect(whole.problems).toEqual([]);
      expect(whole.bytes).toBe(sink.bytes().length + 64);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('many weights without their files', () => {
  it('are a short list of problems that says how many there are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roundoff-inspect-'));
    try {
      const initializer = Array.from({ length: 100 }, (_, number) => ({
        ...floatTensor(`w${number}`, new Float32Array(4)),
        rawData: undefined,
        dataLocation: 1,
        externalData: [{ key: 'location', value: `w${number}.bin` }],
      }));
      const sink = new MemorySink();
      await writeModel(makeModel(makeGraph({ initializer })), sink);
      const path = join(folder, 'model.onnx');
      writeFileSync(path, sink.bytes());
      const errors = (await inspect(path)).problems.filter(({ severity }) => severity === 'error');
      expect(errors).toHaveLength(21);
      expect(errors.at(-1)?.message).toBe('80 more parts of the external data cannot be read.');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('real models', () => {
  it.each([
    ['cifar10_resnet18/model.onnx', 21, 148_050_944],
    ['cifar10_mobilenetv2/model.onnx', 53, 24_461_312],
    ['unet/model.onnx', 23, 423_493_632],
  ])('%s has the parameters that its figures say', async (file, layers, macs) => {
    const path = sharedModel(file);
    if (!path) return;
    const figures = JSON.parse(readFileSync(resolve(path, '../figures.json'), 'utf8')) as {
      parameters: number;
    };
    const summary = await inspect(path, { batch: 1 });
    expect(summary.parameters).toBe(figures.parameters);
    expect(summary.layers).toHaveLength(layers);
    expect(summary.macs).toBe(macs);
  });

  it('the unoptimized export has the layers of the optimized one', async () => {
    const [folded, raw] = ['model', 'raw'].map((name) => sharedModel(`cifar10_mobilenetv2/${name}.onnx`));
    if (!folded || !raw) return;
    const [a, b] = [await inspect(folded, { batch: 1 }), await inspect(raw, { batch: 1 })];
    expect(b.layers.map(({ weight }) => weight?.shape)).toEqual(a.layers.map(({ weight }) => weight?.shape));
    expect(b.macs).toBe(a.macs);
  });

  it('quantized files have the layers and parameters of the float one', async () => {
    const [float, ...quantized] = ['fp32', 'qdq', 'qoperator'].map((form) =>
      sharedModel(`micro_kws/micro_kws_m_static_${form}.onnx`),
    );
    if (!float) return;
    const expected = await inspect(float);
    const facts = ({ layers }: ModelSummary) =>
      layers.map(({ weight, parameters }) => [weight?.shape, parameters]);
    expect(expected.layers).toHaveLength(6);
    for (const path of quantized) {
      if (!path) continue;
      const summary = await inspect(path, { unk__68: 1 });
      expect(facts(summary)).toEqual(facts(expected));
      expect(summary.parameters).toBe(expected.parameters);
      expect(summary.layers.map(({ weight }) => weight?.dtype)).toEqual(Array(6).fill('int8'));
      expect(summary.layers.every(({ reason }) => reason?.includes('already quantized'))).toBe(true);
    }
  });

  it('SqueezeNet: weights that are also inputs (IR 3), unnamed nodes, old Softmax', async () => {
    const path = sharedModel('squeezenet/fp32.onnx');
    if (!path) return;
    const summary = await inspect(path);
    expect(summary.inputs).toHaveLength(1);
    expect(summary.layers).toHaveLength(26);
    expect(new Set([...summary.layers, ...summary.nodes].map(({ name }) => name)).size).toBe(66);
    expect(summary.outputs).toMatchObject([{ kind: 'probabilities', classAxis: 1 }]);
    // SqueezeNet with 3×3 first filters; published as 0.35 G.
    expect(summary.macs).toBe(349_151_936);
  });

  it('external data counts as bytes of the model', async () => {
    const path = sharedModel('structure/external_data.onnx');
    if (!path) return;
    const opened = await openModelFile(path);
    const summary = await inspectModel(opened);
    expect(summary.bytes).toBeGreaterThan(opened.bytes);
    expect(summary.problems).toEqual([]);
    await opened.close();
  });
});

describe('the first layers', () => {
  const call = { signal: new AbortController().signal, report: () => undefined };

  it('of a large model are those that it is inspected to have, and all who ask share one reading', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roundoff-first-'));
    try {
      const file = join(folder, 'large.onnx');
      await writeModelFile(manyLayers(5_000), file);
      const first = await firstLayers({ file }, call);
      const graph = await readGraph({ file });
      const { layers } = await inspectFile({ file }, call);
      expect(await readGraph({ file })).toBe(graph);
      expect([first.length, layers.length]).toEqual([1_334, 5_000]);
      expect(first).toEqual(layers.slice(0, first.length));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('of a small model are none, as all of it is known as soon', async () => {
    expect(await firstLayers({ file: sample }, call)).toEqual([]);
  });
});
