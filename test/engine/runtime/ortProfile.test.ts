import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RuntimeFailure } from '../../../src/engine/engineErrors';
import { kernelsOf } from '../../../src/engine/runtime/ortProfile';

const golden = join(import.meta.dirname, '../../golden/latency');

function event(name: string, ts: number, dur: number, dims: readonly number[] = [1]) {
  const args = { op_name: 'Op', output_type_shape: [{ float: dims }] };
  return { cat: 'Node', name: `${name}_kernel_time`, ts, dur, ph: 'X', args };
}

describe('kernelsOf', () => {
  it('reads a profile of ONNX Runtime: kernels in the order they ran, each once', () => {
    const kernels = kernelsOf(readFileSync(join(golden, 'mnist-w8a8.profile.json'), 'utf8'), 1);
    expect(kernels.map(({ op }) => op)).toEqual([
      'QuantizeLinear',
      'Transpose',
      'QLinearConv',
      'QLinearConv',
      'NhwcMaxPool',
      'QLinearConv',
      'NhwcMaxPool',
      'Transpose',
      'Shape',
      'Squeeze',
      'Reshape',
      'Concat',
      'Reshape',
      'QGemm',
      'QGemm',
    ]);
    expect(kernels[2]).toMatchObject({ name: 'node_conv2d_token_1', outputElements: 16 * 28 * 28 });
    for (const { microseconds } of kernels) expect(microseconds).toBeGreaterThan(0);
  });

  it('takes the fastest runs, but not the first ones', () => {
    const times = [1, 50, 40, 30, 20];
    const json = JSON.stringify(times.map((dur, run) => event('a', 100 * run, dur, [2, 3])));
    expect(kernelsOf(json, 1)).toEqual([{ name: 'a', op: 'Op', microseconds: 20, outputElements: 6 }]);
  });

  it('counts kernels inside a subgraph with the node that holds it', () => {
    const json = JSON.stringify([
      event('then', 10, 20),
      event('inner', 32, 5),
      event('if', 10, 30),
      event('next', 40, 2),
    ]);
    const kernels = kernelsOf(json, 0);
    expect(kernels.map(({ name, microseconds }) => [name, microseconds])).toEqual([
      ['if', 30],
      ['next', 2],
    ]);
  });

  it('refuses what is no profile', () => {
    expect(() => kernelsOf('{', 0)).toThrow(RuntimeFailure);
    expect(() => kernelsOf('{}', 0)).toThrow(/cannot be read/);
  });
});
