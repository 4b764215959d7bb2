import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../../src/core/onnx/build';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, quantize, run, sqnr } from '../../support/rewriting';
import { conv, image, model, node, samples, weights } from './models';

const original = model(
  [
    conv('a', ['x', 'w', 'b'], 'a_out'),
    node('Relu', 'relu', ['a_out'], ['act']),
    conv('c', ['act', 'v'], 'y'),
  ],
  [weights('w', [4, 3, 3, 3]), floatTensor('b', [1, -1, 2, 0]), weights('v', [5, 4, 3, 3], 2)],
  image,
);

describe('w8', () => {
  it('stores int8 weights and leaves everything else float, without any range', async () => {
    const plan = { ...defaultPlan, defaultScheme: 'w8' } as const;
    const { model: quantized, layers, notes } = await rewrite(original, plan, new Map());
    expect(opTypes(quantized)).toEqual(['Conv', 'Conv', 'DequantizeLinear', 'DequantizeLinear', 'Relu']);
    expect(layers).toMatchObject([
      { name: 'a', scheme: 'w8', bits: 8, signed: true, granularity: 'per-channel' },
      { name: 'c', scheme: 'w8', bits: 8, signed: true, granularity: 'per-channel' },
    ]);
    // Codes, a float32 scale per channel (zero points of 0 are left out), and the float32 bias of the first.
    expect(layers.map(({ bytesAfter }) => bytesAfter)).toEqual([108 + 4 * 4 + 16, 180 + 4 * 5]);
    expect(notes).toEqual([]);
    for (const sample of samples(image, 3)) {
      const { y: before = [] } = await run(original, sample, 'none');
      const { y: after = [] } = await run(quantized, sample, 'full');
      expect(sqnr(before, after)).toBeGreaterThan(38);
    }
  });

  it('is a float neighbour to static layers', async () => {
    const plan = { ...defaultPlan, layers: { c: { scheme: 'w8' } } } as const;
    const { model: quantized, ranges } = await quantize(original, plan, samples(image));
    expect([...ranges.keys()].sort()).toEqual(['act', 'x']);
    expect(opTypes(quantized).filter((op) => op === 'QuantizeLinear')).toHaveLength(2);
  });
});
