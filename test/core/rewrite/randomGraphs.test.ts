import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, makeGraph, makeValueInfo } from '../../../src/core/onnx/build';
import { MemoryPayload } from '../../../src/core/onnx/payload';
import { DataType, type Model, type Node, type Tensor } from '../../../src/core/onnx/types';
import type { Plan } from '../../../src/core/plan/types';
import type { SchemeId } from '../../../src/core/quant/scheme';
import { planWith, quantize, run, sqnr } from '../../support/rewriting';
import { uniform } from '../../support/random';
import { conv, image, model, node, samples, weights } from './models';

const SEEDS = 40;
const one = new MemoryPayload(Uint8Array.of(1));
/** Names that a careless rewrite would give to something of its own. */
const suffixes = ['', '_scale', '_zero_point', '_quantized', '_QuantizeLinear_Output', '_DequantizeLinear'];

/** A graph of values [1, 4, 8, 8], all drawn from `seed`: what reads what, what is given out, and every name. */
class RandomGraph {
  private readonly random: () => number;
  private readonly nodes: Node[] = [];
  private readonly constants: Tensor[] = [];
  private readonly values: string[] = ['x'];
  private readonly names = new Set(['x']);

  constructor(private readonly seed: number) {
    this.random = uniform(seed + 1);
  }

  build(): Model {
    this.nodes.push(conv('stem', ['x', this.weight(3)], this.value(), 1));
    this.values.shift();
    for (let i = 0; i < 10; i++) this.addNode(i);
    const read = new Set(this.nodes.flatMap(({ input }) => input));
    const outputs = this.values.filter((value) => !read.has(value) || this.random() < 0.15);
    return model(this.nodes, this.constants, image, outputs);
  }

  plan(): Plan {
    const schemes = this.nodes.flatMap(({ name, opType }): [string, SchemeId][] => {
      if (this.random() < 0.5) return [];
      const choices = opType === 'Conv' ? (['w8a16', 'w8', 'float'] as const) : (['float'] as const);
      return [[name, this.pick<SchemeId>(choices)]];
    });
    return planWith(Object.fromEntries(schemes), {
      activationType: this.random() < 0.5 ? 'uint8' : 'int8',
      activationSymmetric: this.random() < 0.2,
    });
  }

  private addNode(i: number): void {
    const [a, b] = [this.pick(this.values), this.pick(this.values)];
    const kinds: (() => Node)[] = [
      () => conv(`n${i}`, [a, this.weight(4)], this.value(), 1),
      () => conv(`n${i}`, [a, this.weight(4), this.bias()], this.value(), 1),
      () => conv(`n${i}`, [a, this.weight(4), this.bias()], this.value(), 1),
      () => conv(`n${i}`, [b, this.weight(4)], this.value(), 1),
      () => node('Relu', `n${i}`, [a], [this.value()]),
      () => node('Clip', `n${i}`, [a, this.scalar(-0.4), this.scalar(1.5)], [this.value()]),
      () => node('Add', `n${i}`, [a, b], [this.value()]),
      () => node('Add', `n${i}`, [a, this.scalar(0.5)], [this.value()]),
      () => node('Mul', `n${i}`, [this.scalar(-1.5), a], [this.value()]),
      () => node('Sigmoid', `n${i}`, [a], [this.value()]),
      () => node('Identity', `n${i}`, [a], [this.value()]),
      () => node('Neg', `n${i}`, [a], [this.value()]),
      () => node('Transpose', `n${i}`, [a], [this.value()], { perm: { ints: [0, 1, 3, 2] } }),
      () => this.joined(i, a, b),
      () => this.branched(i, a, b),
    ];
    this.nodes.push(this.pick(kinds)());
  }

  /** Concat, then every second channel, so that the shape stays. */
  private joined(i: number, a: string, b: string): Node {
    const wide = this.value();
    this.values.pop();
    this.nodes.push(node('Concat', `join${i}`, [a, b], [wide], { axis: { int: 1 } }));
    const rows = this.constant((name) => int64Tensor(name, [0, 2, 5, 7]));
    return node('Gather', `n${i}`, [wide, rows], [this.value()], { axis: { int: 1 } });
  }

  /** Branches that read, or give out, values of the graph around them. */
  private branched(i: number, a: string, b: string): Node {
    const flag = this.constant((name) => ({
      ...int64Tensor(name, [], []),
      dataType: DataType.BOOL,
      rawData: one,
    }));
    const inner = `inner${i}`;
    const negative = makeGraph({
      name: 'negative',
      node: [node('Neg', '', [a], [inner])],
      output: [makeValueInfo(inner, DataType.FLOAT)],
    });
    const same = makeGraph({
      name: 'same',
      node: [node('Identity', '', [b], [`${inner}_b`])],
      output: [makeValueInfo(`${inner}_b`, DataType.FLOAT)],
    });
    return node('If', `n${i}`, [flag], [this.value()], {
      then_branch: negative,
      else_branch: same,
    });
  }

  private value(): string {
    const name = this.name();
    this.values.push(name);
    return name;
  }

  private weight(inputs: number): string {
    const known = this.constants.filter(
      ({ dims }) => dims.length === 4 && dims[1] === inputs && inputs === 4,
    );
    const [shared] = known;
    if (shared && this.random() < 0.3) return shared.name;
    return this.constant((name) => weights(name, [4, inputs, 1, 1], this.seed + this.names.size));
  }

  private bias(): string {
    return this.constant((name) => floatTensor(name, [0.1, -0.5, 0, this.random()]));
  }

  private scalar(value: number): string {
    return this.constant((name) => floatTensor(name, [value], []));
  }

  private constant(make: (name: string) => Tensor): string {
    const tensor = make(this.name());
    this.constants.push(tensor);
    return tensor.name;
  }

  private name(): string {
    for (;;) {
      const name = this.pick([...this.names]).slice(0, 40) + this.pick(suffixes);
      const unique = this.names.has(name) ? `v${this.names.size}` : name;
      if (this.names.has(unique)) continue;
      this.names.add(unique);
      return unique;
    }
  }

  private pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.random() * from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }
}

/** Every value is defined once, and before it is read. */
function expectValid({ graph }: Model): void {
  const given = [...(graph?.input ?? []), ...(graph?.initializer ?? [])].map(({ name }) => name);
  const defined = new Set(given);
  expect(defined.size).toBe(given.length);
  for (const { name, input, output } of graph?.node ?? []) {
    expect([name, input.filter((value) => value !== '' && !defined.has(value))]).toEqual([name, []]);
    expect([name, output.filter((value) => defined.has(value))]).toEqual([name, []]);
    for (const value of output) defined.add(value);
  }
  const names = (graph?.node ?? []).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
}

describe('random graphs and plans', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed))('seed %i', async (seed) => {
    const random = new RandomGraph(seed);
    const original = random.build();
    const plan = random.plan();
    const { model: rewritten } = await quantize(original, plan, samples(image));
    expectValid(rewritten);
    expect(rewritten.graph?.output).toEqual(original.graph?.output);
    for (const sample of samples(image, 2)) {
      const before = await run(original, sample, 'none');
      for (const optimization of ['none', 'full'] as const) {
        const after = await run(rewritten, sample, optimization);
        for (const [name, values] of Object.entries(before)) {
          // All zeros have no SQNR.
          const isClose = sqnr(values, after[name] ?? []) > 15 || !(after[name] ?? values).some(Boolean);
          expect([name, isClose]).toEqual([name, true]);
        }
      }
    }
  });
});
