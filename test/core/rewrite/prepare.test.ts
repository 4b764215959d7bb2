import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, makeNode, makeValueInfo } from '../../../src/core/onnx/build';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { derive } from '../../../src/core/onnx/origin';
import { DataType, type Model, type Node, type Tensor } from '../../../src/core/onnx/types';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { parseFormat } from '../../../src/core/quant/layerFormat';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { activationsToCalibrate, prepareFloat } from '../../../src/core/rewrite/prepare';
import { onlyLayer } from '../../../src/core/plan/editPlan';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, planWith, run } from '../../support/rewriting';
import { conv, type Dims, image, model, node, residualBlock, samples, weights } from './models';

/** Prepares, and expects the same outputs up to float32 rounding. */
async function prepareAndCompare(original: Model, dims: Dims): Promise<Model> {
  const { model: prepared } = await prepareFloat(original, defaultPlan);
  for (const sample of samples(dims, 2)) {
    const before = await run(original, sample, 'none');
    const after = await run(prepared, sample, 'none');
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, values] of Object.entries(before)) {
      values.forEach((value, i) => expect(after[name]?.[i]).toBeCloseTo(value, 4));
      expect(after[name]?.length).toBe(values.length);
    }
  }
  return prepared;
}

const norm = (name: string, input: string, output: string): Node =>
  node('BatchNormalization', name, [input, 'gain', 'shift', 'mean', 'variance'], [output], {
    epsilon: { float: 1e-3 },
  });

function statistics(channels: number): Tensor[] {
  const values = (name: string, from: number) =>
    floatTensor(
      name,
      Float32Array.from({ length: channels }, (_, i) => from + Math.sin(i * 3)),
    );
  return [values('gain', 1), values('shift', 0.5), values('mean', 0.1), values('variance', 1.5)];
}

describe('BatchNormalization is folded into', () => {
  it('Conv with and without bias', async () => {
    for (const bias of [[], ['b']]) {
      const original = model(
        [conv('c', ['x', 'w', ...bias], 'mid'), norm('bn', 'mid', 'y')],
        [weights('w', [4, 3, 3, 3]), floatTensor('b', [1, 2, 3, 4]), ...statistics(4)],
        image,
      );
      const prepared = await prepareAndCompare(original, image);
      expect(opTypes(prepared)).toEqual(['Conv']);
      expect(prepared.graph?.node[0]?.input[1]).toBe('w');
      expect(prepared.graph?.initializer.map(({ name }) => name)).not.toContain('gain');
    }
  });

  it.each([1, 3])('ConvTranspose of group %i', async (group) => {
    const original = model(
      [node('ConvTranspose', 'up', ['x', 'w'], ['mid'], { group: { int: group } }), norm('bn', 'mid', 'y')],
      [weights('w', [3, 2, 2, 2]), ...statistics(2 * group)],
      image,
    );
    expect(opTypes(await prepareAndCompare(original, image))).toEqual(['ConvTranspose']);
  });

  it.each([0, 1])('Gemm with transB %i, alpha and beta', async (transB) => {
    const original = model(
      [
        node('Gemm', 'fc', ['x', 'w', 'c'], ['mid'], {
          transB: { int: transB },
          alpha: { float: 0.5 },
          beta: { float: 3 },
        }),
        norm('bn', 'mid', 'y'),
      ],
      [weights('w', transB ? [4, 8] : [8, 4]), floatTensor('c', [1, 2, 3, 4]), ...statistics(4)],
      [2, 8],
    );
    const prepared = await prepareAndCompare(original, [2, 8]);
    expect(opTypes(prepared)).toEqual(['Gemm']);
  });

  it('Gemm whose beta has no C to multiply', async () => {
    const original = model(
      [
        node('Gemm', 'fc', ['x', 'w'], ['mid'], { beta: { float: 0 } }),
        node('Add', 'add', ['mid', 'c'], ['y']),
      ],
      [weights('w', [8, 4]), floatTensor('c', [1, 2, 3, 4])],
      [2, 8],
    );
    expect(opTypes(await prepareAndCompare(original, [2, 8]))).toEqual(['Gemm']);
  });

  it('one operand of a Gemm that reads the same constant twice', async () => {
    const original = model(
      [node('Gemm', 'fc', ['x', 'w', 'w'], ['y'], { alpha: { float: -0.5 } })],
      [weights('w', [4, 4])],
      [4, 4],
    );
    await prepareAndCompare(original, [4, 4]);
  });

  it('a copy of a shared weight', async () => {
    const original = model(
      [conv('a', ['x', 'w'], 'mid'), norm('bn', 'mid', 'act'), conv('b', ['act', 'w'], 'y')],
      [weights('w', [3, 3, 3, 3]), ...statistics(3)],
      image,
    );
    const prepared = await prepareAndCompare(original, image);
    expect(opTypes(prepared)).toEqual(['Conv', 'Conv']);
    const shared = prepared.graph?.initializer.find(({ name }) => name === 'w');
    expect(shared && (await readFloat32(shared))).toEqual(await readFloat32(weights('w', [3, 3, 3, 3])));
  });

  it('weights and statistics in Constant nodes', async () => {
    const constants = [weights('w', [4, 3, 3, 3]), ...statistics(4)].map((value) =>
      makeNode({ opType: 'Constant', input: [], output: [value.name], attributes: { value } }),
    );
    const original = model([...constants, conv('c', ['x', 'w'], 'mid'), norm('bn', 'mid', 'y')], [], image);
    expect(opTypes(await prepareAndCompare(original, image))).toEqual(['Conv']);
  });

  it('nothing, when the tensor between is used elsewhere or given out', async () => {
    const two = model(
      [conv('c', ['x', 'w'], 'mid'), norm('bn', 'mid', 'n'), node('Add', 'add', ['n', 'mid'], ['y'])],
      [weights('w', [4, 3, 3, 3]), ...statistics(4)],
      image,
    );
    expect(opTypes(await prepareAndCompare(two, image))).toContain('BatchNormalization');
    const output = model(
      [conv('c', ['x', 'w'], 'mid'), norm('bn', 'mid', 'y')],
      [weights('w', [4, 3, 3, 3]), ...statistics(4)],
      image,
      ['y', 'mid'],
    );
    expect(opTypes(await prepareAndCompare(output, image))).toContain('BatchNormalization');
  });
});

describe('a bias that becomes a table', () => {
  const original = model(
    [conv('c', ['x', 'w', 'b'], 'mid'), norm('bn', 'mid', 'y')],
    [weights('w', [4, 3, 3, 3]), floatTensor('b', [1, 2, 3, 4]), ...statistics(4)],
    image,
  );
  const entry = (text: string): Plan => {
    const format = parseFormat(text);
    if ('mistake' in format) throw new Error(format.mistake);
    return { ...defaultPlan, defaultScheme: 'float', layers: { c: format } };
  };
  const folds = ['Conv'];
  const keeps = ['BatchNormalization', 'Conv'];

  it.each([
    ['u8,bias:u1', keeps],
    ['w4,bias:lut4', keeps],
    ['u8', folds],
    ['w8,bias:int32', folds],
    ['w8a8,bias:u1', folds],
  ])('%s leaves %j', async (text, expected) => {
    expect(opTypes((await prepareFloat(original, entry(text))).model)).toEqual(expected);
  });

  it('is that of the layer, as is an Add behind a layer without one', async () => {
    const added = model(
      [
        conv('c', ['x', 'w'], 'c_out'),
        node('Add', 'add', ['c_out', 'offset'], ['sum']),
        node('Mul', 'mul', ['sum', 'factor'], ['y']),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        floatTensor('offset', [1, 1, 1, 5], [4, 1, 1]),
        floatTensor('factor', [2, 0.5, -1, 3], [4, 1, 1]),
      ],
      image,
    );
    for (const subject of [original, added]) {
      const plan = entry('u8,bias:u1');
      const prepared = await prepareFloat(subject, plan);
      expect(await prepareFloat(prepared.model, plan)).toBe(prepared);
      const { model: written, layers } = await rewrite(prepared.model, plan, new Map());
      expect(layers.map(({ bias }) => bias)).toEqual(['u1']);
      const table = written.graph?.initializer.find(
        ({ name, dims }) => name.endsWith('codebook') && dims[0] === 2,
      );
      const ends = subject === original ? [1, 4] : [1, 5];
      expect(table && [...(await readFloat32(table))]).toEqual(ends);
    }
  });

  it('takes a model prepared for another plan back to what it was made of', async () => {
    const [table, plain] = [entry('u8,bias:u1'), entry('u8')];
    for (const [first, second, expected] of [
      [plain, table, keeps],
      [table, plain, folds],
    ] as const) {
      const before = await prepareFloat(original, first);
      const after = await prepareFloat(before.model, second);
      expect(opTypes(after.model)).toEqual(expected);
      expect(opTypes((await prepareFloat(after.model, first)).model)).toEqual(opTypes(before.model));
      // Through the same doors as trials, previews and files.
      const { model: written } = await rewrite(before.model, second, new Map());
      const direct = await rewrite(original, second, new Map());
      expect(opTypes(written)).toEqual(opTypes(direct.model));
      expect((await predictBytes(before.model, second)).bytes).toBe(await modelSize(direct.model));
      // A layer that stays float takes either form.
      expect(await prepareFloat(before.model, { ...second, layers: {} })).toBe(before);
    }
  });

  it('keeps what it was prepared for when the opset is raised further', async () => {
    const old = derive(original, { opsetImport: [{ domain: '', version: 17 }] });
    const low = await prepareFloat(old, entry('u8,bias:u1'));
    const high = await prepareFloat(low.model, entry('w4,block:16,bias:u1'));
    expect(high.model.opsetImport.find(({ domain }) => domain === '')?.version).toBe(21);
    expect(opTypes(high.model)).toEqual(keeps);
    expect(opTypes((await prepareFloat(high.model, entry('u8'))).model)).toEqual(folds);
  });
});

describe('other preparations', () => {
  it('fold factors and offsets per channel', async () => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'c_out'),
        node('Mul', 'mul', ['factor', 'c_out'], ['scaled']),
        node('Add', 'add', ['scaled', 'offset'], ['shifted']),
        node('Add', 'map', ['shifted', 'perPixel'], ['y']),
      ],
      [
        weights('w', [4, 3, 3, 3]),
        floatTensor('factor', [2, 0.5, -1, 3], [4, 1, 1]),
        floatTensor('offset', [0.25], []),
        floatTensor('perPixel', new Float32Array(64).fill(1), [8, 8]),
      ],
      image,
    );
    expect(opTypes(await prepareAndCompare(original, image))).toEqual(['Add', 'Conv']);
  });

  it('see through Identity, Dropout and constant arithmetic', async () => {
    const original = model(
      [
        node('Identity', 'id', ['w_stored'], ['w_same'], {}),
        node('Transpose', 'turn', ['w_same'], ['w'], { perm: { ints: [3, 2, 0, 1] } }),
        node('Shape', 'shape', ['w'], ['w_shape'], { start: { int: 0 }, end: { int: 1 } }),
        node('CastLike', 'like', ['zero', 'x'], ['zero_like']),
        node('Expand', 'expand', ['zero_like', 'w_shape'], ['bias']),
        conv('c', ['x', 'w', 'bias'], 'c_out'),
        node('Dropout', 'drop', ['c_out'], ['dropped']),
        norm('bn', 'dropped', 'y'),
      ],
      [weights('w_stored', [3, 3, 3, 4]), floatTensor('zero', [0.5], []), ...statistics(4)],
      image,
    );
    expect(opTypes(await prepareAndCompare(original, image))).toEqual(['Conv']);
  });

  it.each([0, 1])('write a spatial mean as a pool (keepdims %i)', async (keepdims) => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'c_out'),
        node('ReduceMean', 'mean', ['c_out', 'axes'], ['y'], { keepdims: { int: keepdims } }),
      ],
      [weights('w', [4, 3, 3, 3]), int64Tensor('axes', [-1, 2])],
      image,
      ['y'],
      18,
    );
    const prepared = await prepareAndCompare(original, image);
    expect(opTypes(prepared)).toEqual(['Conv', ...(keepdims ? [] : ['Flatten']), 'GlobalAveragePool']);
    expect(prepared.graph?.node.map(({ name }) => name)).toContain('mean');
  });

  it('leave other means alone', async () => {
    const original = model(
      [
        conv('c', ['x', 'w'], 'c_out'),
        node('ReduceMean', 'mean', ['c_out'], ['y'], { axes: { ints: [1, 2] } }),
      ],
      [weights('w', [4, 3, 3, 3])],
      image,
    );
    expect(opTypes(await prepareAndCompare(original, image))).toContain('ReduceMean');
  });

  it('declare the IR version that constants without an input need', async () => {
    const base = model([conv('c', ['x', 'w'], 'y')], [weights('w', [4, 3, 3, 3])], image);
    const graph = base.graph && {
      ...base.graph,
      input: [...base.graph.input, makeValueInfo('w', DataType.FLOAT, [4, 3, 3, 3])],
    };
    const { model: prepared } = await prepareFloat({ ...base, irVersion: 3, graph }, defaultPlan);
    expect(prepared.graph?.input.map(({ name }) => name)).toEqual(['x']);
    expect(prepared.irVersion).toBe(4);
  });

  it('do nothing the second time, or when nothing is to be quantized', async () => {
    const once = await prepareFloat(residualBlock(), defaultPlan);
    expect(await prepareFloat(once.model, defaultPlan)).toBe(once);
    const original = residualBlock();
    const unchanged = await prepareFloat(original, { ...defaultPlan, defaultScheme: 'float' });
    expect(unchanged).toEqual({ model: original, notes: [] });
  });
});

describe('activationsToCalibrate', () => {
  it('names what the plan quantizes', async () => {
    const prepared = await prepareFloat(residualBlock(), defaultPlan);
    expect(activationsToCalibrate(prepared, defaultPlan).sort()).toEqual(
      ['left_act', 'skip', 'x', 'y', 'right_out'].sort(),
    );
    expect(
      activationsToCalibrate(prepared, planWith({ left: 'w8a8' }, { defaultScheme: 'float' })).sort(),
    ).toEqual(['left_act', 'skip']);
  });

  it('names what any trial quantizes', async () => {
    const joined = model(
      [
        conv('a', ['x', 'w'], 'a_out'),
        node('MaxPool', 'pool', ['a_out'], ['pooled'], { kernel_shape: { ints: [1, 1] } }),
        conv('b', ['x', 'w'], 'b_out'),
        node('Concat', 'concat', ['pooled', 'b_out'], ['joined'], { axis: { int: 1 } }),
        conv('c', ['joined', 'u'], 'y', 1),
      ],
      [weights('w', [4, 3, 3, 3]), weights('u', [2, 8, 1, 1])],
      image,
    );
    for (const original of [residualBlock(), joined]) {
      const prepared = await prepareFloat(original, defaultPlan);
      const values = activationsToCalibrate(prepared, defaultPlan, { trials: true });
      const ranges = new Map(values.map((value) => [value, { min: -1, max: 1 }]));
      const { layers } = await rewrite(prepared.model, defaultPlan, ranges);
      for (const { name } of layers) {
        const trial = await rewrite(prepared.model, onlyLayer(defaultPlan, name, { scheme: 'w8a8' }), ranges);
        expect(trial.layers.filter(({ scheme }) => scheme === 'w8a8').map((layer) => layer.name)).toEqual([
          name,
        ]);
        const others = await rewrite(prepared.model, planWith({ [name]: 'float' }), ranges);
        expect(others.layers.filter(({ scheme }) => scheme === 'float').map((layer) => layer.name)).toEqual([
          name,
        ]);
      }
    }
  });
});
