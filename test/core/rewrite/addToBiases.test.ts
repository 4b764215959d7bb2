import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model, Node, Tensor } from '../../../src/core/onnx/types';
import { addToBiases } from '../../../src/core/rewrite/addToBiases';
import { opTypes, run } from '../../support/rewriting';
import { conv, type Dims, model, node, samples, weights } from './models';

const deltaOf = (channels: number): Float32Array =>
  Float32Array.from({ length: channels }, (_, channel) => 0.5 - 0.25 * channel);

interface Case {
  readonly input: Dims;
  readonly nodes: readonly Node[];
  readonly constants: readonly Tensor[];
  readonly channels: number;
  /** Elements of the output behind one channel. */
  readonly inner: number;
  readonly ops: readonly string[];
}

const beta = { beta: { float: 3 }, alpha: { float: 0.5 } };
const [w, b] = [(dims: Dims) => weights('w', dims), (dims: Dims) => weights('b', dims, 5)];

const cases: Readonly<Record<string, Case>> = {
  'a Conv with bias': {
    input: [1, 3, 5, 5],
    nodes: [conv('layer', ['x', 'w', 'b'], 'y')],
    constants: [w([4, 3, 3, 3]), b([4])],
    channels: 4,
    inner: 25,
    ops: ['Conv'],
  },
  'a Conv without bias': {
    input: [2, 3, 5, 5],
    nodes: [conv('layer', ['x', 'w'], 'y')],
    constants: [w([4, 3, 3, 3])],
    channels: 4,
    inner: 25,
    ops: ['Conv'],
  },
  'a Conv whose bias is computed': {
    input: [1, 3, 5, 5],
    nodes: [node('Neg', 'negate', ['b'], ['n']), conv('layer', ['x', 'w', 'n'], 'y')],
    constants: [w([4, 3, 3, 3]), b([4])],
    channels: 4,
    inner: 25,
    ops: ['Neg', 'Conv', 'Add'],
  },
  'a ConvTranspose with groups': {
    input: [1, 4, 3, 3],
    nodes: [node('ConvTranspose', 'layer', ['x', 'w', ''], ['y'], { group: { int: 2 } })],
    constants: [w([4, 3, 2, 2])],
    channels: 6,
    inner: 16,
    ops: ['ConvTranspose'],
  },
  'a Gemm with factors and one bias for all': {
    input: [3, 7],
    nodes: [node('Gemm', 'layer', ['x', 'w', 'b'], ['y'], beta)],
    constants: [w([7, 5]), b([1])],
    channels: 5,
    inner: 1,
    ops: ['Gemm'],
  },
  'a Gemm with factors and no bias': {
    input: [3, 7],
    nodes: [node('Gemm', 'layer', ['x', 'w'], ['y'], { ...beta, transB: { int: 1 } })],
    constants: [w([5, 7])],
    channels: 5,
    inner: 1,
    ops: ['Gemm'],
  },
  'a Gemm with a bias per row': {
    input: [3, 7],
    nodes: [node('Gemm', 'layer', ['x', 'w', 'b'], ['y'])],
    constants: [w([7, 5]), b([3, 1])],
    channels: 5,
    inner: 1,
    ops: ['Gemm', 'Add'],
  },
  'a Gemm from the left': {
    input: [7, 3],
    nodes: [node('Gemm', 'layer', ['w', 'x'], ['y'])],
    constants: [w([5, 7])],
    channels: 5,
    inner: 3,
    ops: ['Gemm', 'Add'],
  },
  'a MatMul before an Add': {
    input: [2, 3, 7],
    nodes: [node('MatMul', 'layer', ['x', 'w'], ['m']), node('Add', 'add', ['b', 'm'], ['y'])],
    constants: [w([7, 5]), b([1, 5])],
    channels: 5,
    inner: 1,
    ops: ['MatMul', 'Add'],
  },
  'a MatMul before an Add of one number': {
    input: [3, 7],
    nodes: [node('MatMul', 'layer', ['x', 'w'], ['m']), node('Add', 'add', ['m', 'b'], ['y'])],
    constants: [w([7, 5]), b([])],
    channels: 5,
    inner: 1,
    ops: ['MatMul', 'Add'],
  },
  'a MatMul before an Add of another shape': {
    input: [5, 7],
    nodes: [node('MatMul', 'layer', ['x', 'w'], ['m']), node('Add', 'add', ['m', 'b'], ['y'])],
    constants: [w([7, 5]), b([5, 1])],
    channels: 5,
    inner: 1,
    ops: ['MatMul', 'Add', 'Add'],
  },
  'a MatMul': {
    input: [2, 3, 7],
    nodes: [node('MatMul', 'layer', ['x', 'w'], ['y'])],
    constants: [w([2, 7, 5])],
    channels: 5,
    inner: 1,
    ops: ['MatMul', 'Add'],
  },
  'a MatMul from the left': {
    input: [7, 3],
    nodes: [node('MatMul', 'layer', ['w', 'x'], ['y'])],
    constants: [w([5, 7])],
    channels: 5,
    inner: 3,
    ops: ['MatMul', 'Add'],
  },
  'a MatMul of a vector from the left': {
    input: [7],
    nodes: [node('MatMul', 'layer', ['w', 'x'], ['y'])],
    constants: [w([5, 7])],
    channels: 5,
    inner: 1,
    ops: ['MatMul', 'Add'],
  },
};

describe('addToBiases adds to every channel of', () => {
  it.each(Object.entries(cases))('%s', async (_, { input, nodes, constants, channels, inner, ops }) => {
    const before = model(nodes, constants, input);
    const delta = deltaOf(channels);
    const after = addToBiases(before, new Map([['layer', delta]]));
    expect(opTypes(after)).toEqual([...ops].sort());
    await expectShift(before, after, 'y', input, (at) => delta[Math.floor(at / inner) % channels] ?? NaN);
  });
});

async function expectShift(
  before: Model,
  after: Model,
  output: string,
  input: Dims,
  shift: (at: number) => number,
): Promise<void> {
  const [sample = {}] = samples(input, 1);
  const { [output]: plain = [] } = await run(before, sample, 'none');
  const { [output]: shifted = [] } = await run(after, sample, 'none');
  expect(shifted.length).toBe(plain.length);
  expect(plain.length).toBeGreaterThan(0);
  shifted.forEach((value, at) => expect(value - (plain[at] ?? NaN)).toBeCloseTo(shift(at), 4));
}

describe('a bias that two layers share', () => {
  const input: Dims = [1, 3, 5, 5];
  const shared = model(
    [conv('one', ['x', 'w', 'b'], 'y'), conv('two', ['x', 'w', 'b'], 'z')],
    [w([4, 3, 3, 3]), b([4])],
    input,
    ['y', 'z'],
  );

  it('changes for one of them only', async () => {
    const delta = deltaOf(4);
    const after = addToBiases(shared, new Map([['one', delta]]));
    await expectShift(shared, after, 'y', input, (at) => delta[Math.floor(at / 25)] ?? NaN);
    await expectShift(shared, after, 'z', input, () => 0);
  });

  it('changes for both by what each gets', async () => {
    const deltas = new Map([
      ['one', deltaOf(4)],
      ['two', new Float32Array(4).fill(2)],
    ]);
    const after = addToBiases(shared, deltas);
    await expectShift(shared, after, 'y', input, (at) => deltaOf(4)[Math.floor(at / 25)] ?? NaN);
    await expectShift(shared, after, 'z', input, () => 2);
  });
});

describe('addToBiases leaves alone', () => {
  const input: Dims = [1, 3, 5, 5];
  const plain = model([conv('layer', ['x', 'w'], 'y')], [w([4, 3, 3, 3])], input);

  it('a model without anything to add', () => {
    expect(addToBiases(plain, new Map())).toBe(plain);
  });

  it('what it does not know', () => {
    expect(() => addToBiases(plain, new Map([['other', deltaOf(4)]]))).toThrow(
      'other has no output channels',
    );
    expect(() => addToBiases(plain, new Map([['layer', deltaOf(3)]]))).toThrow(
      'layer has 4 output channels, not 3',
    );
    const table = model(
      [node('Gather', 'layer', ['t', 'x'], ['y'])],
      [floatTensor('t', new Float32Array(6), [3, 2])],
      [2],
    );
    expect(() => addToBiases(table, new Map([['layer', deltaOf(2)]]))).toThrow('no output channels');
  });
});
