import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFloat32 } from '../../src/core/onnx/tensor';
import type { LayerRow, ModelSummary, QuantizationDetails } from '../../src/core/results';
import { openModelFile, type OpenedModel } from '../../src/engine/files/modelFile';
import { inspectModel, quantizationOfRow } from '../../src/engine/inspect';
import { sharedModel } from '../support/sharedModels';

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
    const details = await Promise.all(summary.layers.map(({ name }) => quantizationOfRow(opened, name)));
    return { summary, details };
  });
}

/** Operators of the nodes that the folded view can show beside the layers. */
function shownOperators({ summary }: Read): string[] {
  const isShown = ({ foldedInto }: LayerRow): boolean => foldedInto === undefined;
  return summary.nodes.filter(isShown).map(({ op }) => op);
}

describe('quantizationOfRow(opened, name)', () => {
  it('says nothing about a float layer, and refuses names that are not in the model', async () => {
    await withModel(sample, async (opened) => {
      expect(await quantizationOfRow(opened, 'node_linear')).toEqual({
        layer: 'node_linear',
        weight: null,
        inputs: [],
        output: null,
      });
      await expect(quantizationOfRow(opened, 'none')).rejects.toThrow(/mnist_cnn\.onnx has no layer none/);
    });
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
