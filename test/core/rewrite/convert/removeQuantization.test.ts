import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatTensor, makeGraph, makeTensor, makeValueInfo } from '../../../../src/core/onnx/build';
import { encodeFloat16 } from '../../../../src/core/onnx/floats';
import { MemorySource } from '../../../../src/core/onnx/memory';
import { readModel } from '../../../../src/core/onnx/read';
import { readFloat32 } from '../../../../src/core/onnx/tensor';
import { DataType, type Model, type Node, type Tensor } from '../../../../src/core/onnx/types';
import { defaultPlan } from '../../../../src/core/plan/planFile';
import { removeQuantization } from '../../../../src/core/rewrite/convert/removeQuantization';
import { parseFormat } from '../../../../src/core/quant/layerFormat';
import { rewrite } from '../../../../src/core/rewrite/rewrite';
import { opTypes, quantize, run, sqnr } from '../../../support/rewriting';
import { sharedModel } from '../../../support/sharedModels';
import { initializer, producerOf } from '../inspecting';
import { type Dims, image, node, residualBlock, samples } from '../models';

import {
  between,
  codes,
  integers,
  microsoft,
  modelOf,
  params,
  scalar,
  takeBack,
  zero,
} from './quantizedModels';

describe('constants behind DequantizeLinear', () => {
  it.each(['', 'com.microsoft'])('become float, in domain "%s"', async (domain) => {
    const dequantize = { ...node('DequantizeLinear', 'd', ['w_quantized', 's', 'z'], ['w_dq']), domain };
    const original = modelOf(
      [dequantize, node('MatMul', 'm', ['x', 'w_dq'], ['y'])],
      [codes('w_quantized', [4, 3]), scalar('s', 0.02), zero('z', 3, DataType.INT8)],
      [2, 4],
    );
    const { model } = await takeBack(original, [2, 4], 1e-6);
    expect(opTypes(model)).toEqual(['MatMul']);
    expect(model.graph?.initializer.map(({ name, dataType }) => [name, dataType])).toEqual([
      ['w', DataType.FLOAT],
    ]);
  });

  it('with a scale per channel, and an int32 bias', async () => {
    const original = modelOf(
      [
        node('DequantizeLinear', 'dw', ['w', 's', 'z'], ['wf'], { axis: { int: 0 } }),
        node('DequantizeLinear', 'db', ['b', 'bs'], ['bf'], { axis: { int: 0 } }),
        node('Conv', 'c', ['x', 'wf', 'bf'], ['y']),
      ],
      [
        codes('w', [4, 3, 3, 3]),
        floatTensor('s', [0.01, 0.02, 0.03, 0.04]),
        integers('z', DataType.INT8, [0, 5, -5, 1], [4]),
        integers('b', DataType.INT32, [1000, 16777217, 3, -1], [4]),
        floatTensor('bs', [1e-3, 1e-7, 0.5, 1]),
      ],
      image,
    );
    await takeBack(original, image, 1e-5);
  });

  it('in blocks of 4-bit integers', async () => {
    const packed = makeTensor(
      'w',
      DataType.INT4,
      [6, 3],
      Uint8Array.from({ length: 9 }, (_, i) => (i * 37 + 11) % 256),
    );
    const original = modelOf(
      [
        node('DequantizeLinear', 'd', ['w', 's'], ['wf'], { axis: { int: 0 }, block_size: { int: 4 } }),
        node('MatMul', 'm', ['x', 'wf'], ['y']),
      ],
      [packed, floatTensor('s', [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [2, 3])],
      [2, 6],
      21,
    );
    await takeBack(original, [2, 6], 1e-6);
  });

  it('are float16 where the scale is', async () => {
    const scale = makeTensor(
      's',
      DataType.FLOAT16,
      [],
      new Uint8Array(Uint16Array.of(encodeFloat16(0.02)).buffer),
    );
    const original = modelOf(
      [
        node('DequantizeLinear', 'd', ['w', 's'], ['wh']),
        node('Cast', 'wide', ['wh'], ['wf'], { to: { int: DataType.FLOAT } }),
        node('MatMul', 'm', ['x', 'wf'], ['y']),
      ],
      [codes('w', [4, 3]), scale],
      [2, 4],
      21,
    );
    const { model } = await takeBack(original, [2, 4], 2e-3);
    expect(model.graph?.initializer).toHaveLength(1);
  });

  it('are taken back inside branches', async () => {
    const branch = (name: string, op: string) =>
      makeGraph({
        name,
        node: [
          node('DequantizeLinear', `${name}_d`, ['w', 's'], [`${name}_w`]),
          node(op, `${name}_op`, ['x', `${name}_w`], [`${name}_y`]),
        ],
        output: [makeValueInfo(`${name}_y`, DataType.FLOAT)],
      });
    const original = modelOf(
      [
        node('ReduceSum', 'total', ['x'], ['sum'], { keepdims: { int: 0 } }),
        node('Greater', 'g', ['sum', 'none'], ['isLarge']),
        node('If', 'choose', ['isLarge'], ['y'], {
          then_branch: branch('then', 'Add'),
          else_branch: branch('else', 'Mul'),
        }),
      ],
      [codes('w', [4]), scalar('s', 0.02), scalar('none', 0)],
      [2, 4],
    );
    await takeBack(original, [2, 4], 1e-6, samples([2, 4], 4));
  });
});

describe('pairs on activations', () => {
  it('go, and the Relu that a range from zero stood for comes back', async () => {
    const original = residualBlock();
    const { model: quantized } = await quantize(original, defaultPlan, samples(image, 8));
    expect(opTypes(quantized)).not.toContain('Relu');
    const { model: taken, notes, changed } = removeQuantization(quantized);
    expect(opTypes(taken)).toEqual(opTypes(original));
    expect(changed).toBe(opTypes(quantized).filter((op) => op.endsWith('Linear')).length);
    expect(notes[0]).toMatch(/stood for a Relu/);
    for (const sample of samples(image, 2)) {
      const { y: before = [] } = await run(original, sample, 'none');
      const { y: after = [] } = await run(taken, sample, 'none');
      expect(sqnr(before, after)).toBeGreaterThan(38);
    }
  });

  it.each([7, 13])('brings back a Relu6, not what is known to be positive', async (opset) => {
    const relu6 = [
      node('QuantizeLinear', 'q', ['mid', 's', 'z'], ['q1']),
      node('DequantizeLinear', 'd', ['q1', 's', 'z'], ['low']),
      node('Sigmoid', 'sig', ['low'], ['positive']),
      node('QuantizeLinear', 'q2', ['positive', 's2', 'z'], ['q3']),
      node('DequantizeLinear', 'd2', ['q3', 's2', 'z'], ['y']),
    ];
    const original = modelOf(
      [node('Mul', 'm', ['x', 'ten'], ['mid']), ...relu6],
      [scalar('ten', 10), scalar('s', 6 / 255), scalar('s2', 1 / 255), zero('z', 0)],
      [2, 4],
      Math.max(opset, 10),
    );
    const { model } = await takeBack(original, [2, 4], 0.01);
    expect(opTypes(model)).toEqual(['Clip', 'Mul', 'Sigmoid']);
  });
});

describe('codebooks', () => {
  it.each(['lut16', 'lut16,tensor', 'lut4,group:2', 'pow2-4', 'pow2-4,channel', 'u3'])(
    'of %s are looked up',
    async (text) => {
      const format = parseFormat(text);
      if ('mistake' in format) throw new Error(format.mistake);
      const { scheme: defaultScheme, ...defaultOptions } = format;
      const original = residualBlock();
      const plan = { ...defaultPlan, defaultScheme, defaultOptions };
      const { model: written } = await rewrite(original, plan, new Map());
      const { model: taken, changed } = removeQuantization(written);
      expect(changed).toBeGreaterThan(0);
      expect(opTypes(taken)).toEqual(opTypes(original));
      // Nothing is stored twice.
      const elements = ({ graph }: Model) =>
        graph?.initializer.reduce(
          (sum, { dims }) => sum + dims.reduce((product, size) => product * size, 1),
          0,
        );
      expect(elements(taken)).toBe(elements(original));
      for (const sample of samples(image, 2)) {
        const { y: before = [] } = await run(written, sample, 'none');
        const { y: after = [] } = await run(taken, sample, 'none');
        expect(sqnr(before, after)).toBeGreaterThan(100);
      }
    },
  );
});

describe('what cannot be taken back', () => {
  it('is refused by name', () => {
    const refused = (nodes: Node[], constants: Tensor[], dims: Dims) => () =>
      removeQuantization(modelOf(nodes, constants, dims));
    expect(
      refused(
        between(
          microsoft('QLinearAveragePool', ['xq', 'xs', 'xz', 'ys', 'yz'], ['yq'], {
            channels_last: { int: 1 },
          }),
        ),
        params(0.01),
        image,
      ),
    ).toThrow(/"QLinearAveragePool".*channels last/);
    expect(refused(between(node('BitShift', 'shift', ['xq', 'xz'], ['yq'])), params(0.01), [2, 4])).toThrow(
      /"shift" \(BitShift\) cannot be made float again: it computes with the codes/,
    );
    expect(refused([microsoft('QAttention', ['x', 'w'], ['y'])], [codes('w', [4])], [2, 4])).toThrow(
      /"QAttention"/,
    );
    const out = modelOf([node('QuantizeLinear', 'q', ['x', 'xs', 'xz'], ['y'])], params(1), [2, 4]);
    expect(() => removeQuantization(out)).toThrow(/gives out its integers/);
  });

  it('does nothing to a float model', () => {
    const original = residualBlock();
    expect(removeQuantization(original)).toMatchObject({ changed: 0 });
    expect(removeQuantization(original).model).toBe(original);
  });
});

it('weights are computed when they are read', async () => {
  let reads = 0;
  const tensor = codes('w_quantized', [4, 3]);
  const payload = tensor.rawData;
  const counted = {
    byteLength: 12,
    read: async () => {
      reads++;
      return (await payload?.read()) ?? new Uint8Array(0);
    },
  };
  const original = modelOf(
    [node('DequantizeLinear', 'd', ['w_quantized', 's'], ['wf']), node('MatMul', 'm', ['x', 'wf'], ['y'])],
    [{ ...tensor, rawData: counted }, scalar('s', 0.02)],
    [2, 4],
  );
  const { model } = removeQuantization(original);
  expect(reads).toBe(0);
  await readFloat32(initializer(model, 'w'));
  expect(reads).toBe(1);
  expect(producerOf(model, 'y')?.input).toEqual(['x', 'w']);
});

describe('micro_kws', () => {
  it.each([
    ['qdq', 25],
    ['qoperator', 25],
  ])('written as %s is near the float model again', async (form, least) => {
    const paths = ['fp32', form].map((each) => sharedModel(`micro_kws/micro_kws_m_static_${each}.onnx`));
    const [floatPath, path] = paths;
    if (!floatPath || !path) return;
    const read = (file: string) => readModel(new MemorySource(readFileSync(file)));
    const [float, quantized] = [await read(floatPath), await read(path)];
    const { model: taken } = removeQuantization(quantized);
    expect(opTypes(taken).filter((op) => /Q|Dequantize/.test(op))).toEqual([]);
    expect(opTypes(taken).filter((op) => op === 'Relu')).toHaveLength(5);
    const all: number[][] = [[], []];
    for (const { x } of samples([1, 1960], 6, { from: 0, to: 1 })) {
      if (!x) continue;
      for (const [i, each] of [float, taken].entries()) {
        const [values = []] = Object.values(await run(each, { 'serving_default_input:0': x }, 'none'));
        all[i]?.push(...values);
      }
    }
    expect(sqnr(all[0] ?? [], all[1] ?? [])).toBeGreaterThan(least);
  });
});
