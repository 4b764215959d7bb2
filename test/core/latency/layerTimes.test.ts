import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { kernelOwners, ownersOf } from '../../../src/core/latency/kernelOwners';
import { layerTimes } from '../../../src/core/latency/layerTimes';
import { withNodeNames } from '../../../src/core/latency/timingModel';
import { derive } from '../../../src/core/onnx/origin';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { rewriteDry } from '../../../src/core/rewrite/rewrite';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { kernelsOf } from '../../../src/engine/runtime/ortProfile';
import { residualBlock } from '../rewrite/models';

const opened = await openModelFile(join(import.meta.dirname, '../../../samples/mnist/mnist_cnn.onnx'));
afterAll(() => opened.close());

const layers = new Set(['node_conv2d', 'node_conv2d_1', 'node_conv2d_2', 'node_linear', 'node_linear_1']);

function recorded(name: string) {
  const path = join(import.meta.dirname, '../../golden/latency', `mnist-${name}.profile.json`);
  return kernelsOf(readFileSync(path, 'utf8'), 1);
}

async function quantized() {
  return (await rewriteDry(opened.model, { ...defaultPlan, defaultScheme: 'w8a8' })).model;
}

describe('kernelOwners', () => {
  it('maps the integer kernels of a recorded profile to layers, with what stands beside them', async () => {
    const kernels = recorded('w8a8');
    const owners = kernelOwners(kernels, await quantized(), layers);
    expect(kernels.map(({ op }, at) => `${op} ${owners[at]}`)).toEqual([
      'QuantizeLinear node_conv2d',
      'Transpose node_conv2d',
      'QLinearConv node_conv2d',
      'QLinearConv node_conv2d_1',
      'NhwcMaxPool node_conv2d_1',
      'QLinearConv node_conv2d_2',
      'NhwcMaxPool node_conv2d_2',
      'Transpose node_conv2d_2',
      'Shape node_conv2d_2',
      'Squeeze node_conv2d_2',
      'Reshape node_conv2d_2',
      'Concat node_conv2d_2',
      'Reshape node_conv2d_2',
      'QGemm node_linear',
      'QGemm node_linear_1',
    ]);
  });

  it('finds kernels by the values they compute', () => {
    const kernels = recorded('float');
    const owners = kernelOwners(kernels, opened.model, layers);
    const named = kernels.flatMap(({ op }, at) => (op === 'Conv' || op === 'Gemm' ? [owners[at]] : []));
    expect(named).toEqual([...layers]);
  });
});

describe('ownersOf', () => {
  it('counts an Add to the last layer before it, constants to the layer that reads them', async () => {
    const plan = { ...defaultPlan, layers: { right: { scheme: 'w8' as const } } };
    const { model } = await rewriteDry(residualBlock(), { ...plan, defaultScheme: 'float' });
    const index = indexGraph(model);
    const owners = ownersOf(index, new Set(['stem', 'left', 'right']));
    const byName = Object.fromEntries([...owners].map(([ref, owner]) => [ref.name, owner]));
    expect(byName).toMatchObject({
      stem_relu: 'stem',
      left_relu: 'left',
      add: 'right',
      add_relu: 'right',
    });
    const dequantize = index.nodes.find(({ node }) => node.opType === 'DequantizeLinear');
    expect(dequantize && owners.get(dequantize)).toBe('right');
  });

  it('gives a model without layers no owners', () => {
    expect(ownersOf(indexGraph(residualBlock()), new Set()).size).toBe(0);
  });
});

describe('layerTimes', () => {
  it('shares the time of a run out to the layers, all of it', async () => {
    for (const [model, name] of [
      [opened.model, 'float'],
      [await quantized(), 'w8a8'],
    ] as const) {
      const times = layerTimes(recorded(name), model, layers, 0.25, name === 'w8a8');
      expect([...times.keys()].sort()).toEqual([...layers].sort());
      for (const { milliseconds } of times.values()) expect(milliseconds).toBeGreaterThan(0);
      const sum = [...times.values()].reduce((total, { milliseconds }) => total + milliseconds, 0);
      expect(sum).toBeCloseTo(0.25, 12);
    }
  });

  it('tells how kernels keep their values', async () => {
    const domains = (times: ReturnType<typeof layerTimes>) =>
      [...layers].map((name) => times.get(name)?.domain);
    expect(domains(layerTimes(recorded('float'), opened.model, layers, 1, false))).toEqual([
      'blocked',
      'blocked',
      'blocked',
      'plain',
      'plain',
    ]);
    expect(domains(layerTimes(recorded('w8a8'), await quantized(), layers, 1, true))).toEqual(
      [...layers].map(() => 'integer'),
    );
    expect(domains(layerTimes(recorded('float'), opened.model, layers, 1, true))).toEqual(
      [...layers].map(() => 'simulated'),
    );
  });
});

describe('withNodeNames', () => {
  it('names nodes as plans do, and leaves a model with names as it is', () => {
    const model = residualBlock();
    expect(withNodeNames(model)).toBe(model);
    const { graph } = model;
    if (!graph) throw new Error('no graph');
    const nameless = derive(model, {
      graph: derive(graph, { node: graph.node.map((node) => ({ ...node, name: '' })) }),
    });
    const names = indexGraph(nameless).nodes.map(({ name }) => name);
    expect(withNodeNames(nameless).graph?.node.map(({ name }) => name)).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
  });
});
