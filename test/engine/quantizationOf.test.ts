import { rename, writeFile } from 'node:fs/promises';
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
import { derive } from '../../src/core/onnx/origin';
import { readFloat32 } from '../../src/core/onnx/tensor';
import { DataType, type Model, type Tensor } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import type { LayerRow, ModelSummary, QuantizationDetails } from '../../src/core/results';
import { openFileSource } from '../../src/engine/files/fileSource';
import { openModelFile, type OpenedModel } from '../../src/engine/files/modelFile';
import { inspectModel } from '../../src/engine/inspect';
import { quantizationOf } from '../../src/engine/methods/quantizationOf';
import { ReleasedFile } from '../../src/engine/files/releasedFile';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { temporaryFolders } from '../support/folder';
import { sharedModel } from '../support/sharedModels';

const call = { signal: new AbortController().signal, report: () => undefined };
const sample = resolve(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx');

async function withModel<T>(path: string, use: (opened: OpenedModel) => Promise<T>): Promise<T> {
  const opened = await openModelFile(path);
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

interface Read {
  readonly summary: ModelSummary;
  readonly details: QuantizationDetails[];
}

function read(path: string): Promise<Read> {
  return withModel(path, async (opened) => {
    const summary = await inspectModel(opened);
    const details = await Promise.all(
      summary.layers.map(({ name }) => quantizationOf({ file: path, layer: name }, call)),
    );
    return { summary, details };
  });
}

/** Operators of the nodes that the folded view can show beside the layers. */
function shownOperators({ summary }: Read): string[] {
  const isShown = ({ foldedInto }: LayerRow): boolean => foldedInto === undefined;
  return summary.nodes.filter(isShown).map(({ op }) => op);
}

/** More than what is kept in memory with the graph. */
const CHANNELS = 2048;

/** A MatMul in int8, with a scale per channel. */
function quantized(scale: Tensor): Model {
  const graph = makeGraph({
    node: [
      makeNode({
        opType: 'DequantizeLinear',
        input: ['codes', 'scale'],
        output: ['w'],
        attributes: { axis: 1n },
      }),
      makeNode({ opType: 'MatMul', name: 'layer', input: ['x', 'w'], output: ['y'] }),
    ],
    initializer: [makeTensor('codes', DataType.INT8, [1, CHANNELS], new Uint8Array(CHANNELS)), scale],
    input: [makeValueInfo('x', DataType.FLOAT, [1, 1])],
    output: [makeValueInfo('y', DataType.FLOAT, [1, CHANNELS])],
  });
  return makeModel(graph, { opset: 21 });
}

const scales = (value: number) => floatTensor('scale', new Float32Array(CHANNELS).fill(value));

describe('quantizationOf({ file, layer })', () => {
  const temporaryFolder = temporaryFolders();

  it('says nothing about a float layer, and refuses names that are not in the model', async () => {
    expect(await quantizationOf({ file: sample, layer: 'node_linear' }, call)).toEqual({
      layer: 'node_linear',
      weight: null,
      inputs: [],
      output: null,
    });
    await expect(quantizationOf({ file: sample, layer: 'none' }, call)).rejects.toThrow(
      /mnist_cnn\.onnx has no layer none/,
    );
  });

  it('tells what the file holds now, when it was written again between two rows', async () => {
    const file = join(await temporaryFolder(), 'model.onnx');
    for (const scale of [0.5, 0.25]) {
      await writeModelFile(quantized(scales(scale)), file);
      for (let time = 0; time < 2; time++) {
        const { weight } = await quantizationOf({ file, layer: 'layer' }, call);
        expect(weight?.scale).toEqual({ count: CHANNELS, min: scale, max: scale });
      }
    }
  });

  it('tells what external data holds now', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'model.onnx');
    const external = derive(scales(0), {
      rawData: undefined,
      dataLocation: 1,
      externalData: [{ key: 'location', value: 'scales.bin' }],
    });
    const sink = new MemorySink();
    await writeModel(quantized(external), sink, { keepExternal: true });
    await writeFile(file, sink.bytes());
    for (const [scale, length] of [
      [0.5, CHANNELS],
      [0.25, CHANNELS + 5],
    ] as const) {
      await writeFile(join(folder, 'scales.bin'), new Float32Array(length).fill(scale));
      const { weight } = await quantizationOf({ file, layer: 'layer' }, call);
      expect(weight?.scale).toEqual({ count: CHANNELS, min: scale, max: scale });
    }
    await writeFile(join(folder, 'scales.bin'), new Float32Array(3));
    await expect(quantizationOf({ file, layer: 'layer' }, call)).rejects.toThrow(/scales\.bin has 12 bytes/);
  });
});

describe('ReleasedFile', () => {
  const temporaryFolder = temporaryFolders();

  it('reads one version of a file, also when others replace it', async () => {
    const path = join(await temporaryFolder(), 'bytes');
    await writeFile(path, 'abc');
    const file = await ReleasedFile.held(() => openFileSource(path));
    await file.release();
    expect(Buffer.from(await file.read(1, 2)).toString()).toBe('bc');
    await writeFile(`${path}.new`, 'xyz');
    await rename(`${path}.new`, path);
    await expect(file.read(1, 2)).rejects.toThrow(/changed while it was looked at/);
  });
});

describe('a model that ONNX Runtime quantized, in three forms', () => {
  const float = sharedModel('micro_kws/micro_kws_m_static_fp32.onnx');
  const qdq = sharedModel('micro_kws/micro_kws_m_static_qdq.onnx');
  const qoperator = sharedModel('micro_kws/micro_kws_m_static_qoperator.onnx');

  it('has nothing to fold or to tell in its float form', async () => {
    if (!float) return;
    const { summary, details } = await read(float);
    for (const row of [...summary.layers, ...summary.nodes]) {
      expect([row.stored, row.activations, row.foldedInto]).toEqual([undefined, undefined, undefined]);
    }
    expect(details.every(({ weight, inputs, output }) => !weight && inputs.length === 0 && !output)).toBe(
      true,
    );
  });

  it('folds into the same layers, with no Q/DQ left to show', async () => {
    if (!float || !qdq || !qoperator) return;
    const forms = { float: await read(float), qdq: await read(qdq), qoperator: await read(qoperator) };
    // Relu became part of the format: codes below the zero point do not exist.
    const withoutRelu = shownOperators(forms.float).filter((op) => op !== 'Relu');
    expect(shownOperators(forms.qdq).sort()).toEqual([...withoutRelu].sort());
    const plain = shownOperators(forms.qoperator).map((op) => op.replace(/^QLinear/, ''));
    expect(plain.sort()).toEqual([...withoutRelu].sort());
    expect(forms.qoperator.summary.layers.map(({ op }) => op.replace(/^QLinear/, ''))).toEqual(
      forms.float.summary.layers.map(({ op }) => op),
    );
    for (const { summary } of [forms.qdq, forms.qoperator]) {
      expect(summary.layers.map(({ stored }) => stored?.badge)).toEqual(Array(6).fill('int8'));
      expect(summary.layers.map(({ activations }) => activations)).toEqual(
        Array(6).fill({ inputs: ['int8'], output: 'int8' }),
      );
    }
  });

  it('has the scales that its float weights ask for', async () => {
    if (!float || !qdq || !qoperator) return;
    const largest = await withModel(float, async ({ model }) => {
      const tensors = new Map(model.graph?.initializer.map((tensor) => [tensor.name, tensor]));
      const { summary } = await read(float);
      return Promise.all(
        summary.layers.map(async ({ weight }) => {
          const tensor = tensors.get(weight?.name ?? '');
          return tensor
            ? (await readFloat32(tensor)).reduce((max, value) => Math.max(max, Math.abs(value)), 0)
            : NaN;
        }),
      );
    });
    for (const { details } of [await read(qdq), await read(qoperator)]) {
      for (const [position, { weight, inputs, output }] of details.entries()) {
        const scale = weight?.scale;
        expect(scale?.count).toBe(1);
        // The tool takes the largest magnitude for code 127 or 127.5.
        const code = (largest[position] ?? NaN) / (scale?.max ?? NaN);
        expect(code).toBeGreaterThan(126.99);
        expect(code).toBeLessThan(127.51);
        expect(weight?.zeroPoint).toMatchObject({ min: 0, max: 0 });
        for (const format of [...inputs, output]) expect(format?.scale?.min).toBeGreaterThan(0);
      }
      expect(details.every(({ inputs }) => inputs.length === 1)).toBe(true);
    }
  });
});
