import { describe, expect, it } from 'vitest';
import { weightText } from '../../src/cli/weightText';
import { labelCounts } from '../../src/core/quant/schemeCatalog';

describe('weightText(layer)', () => {
  const layer = { scheme: 'pow2-5', bits: 5, signed: false, granularity: 'per-tensor', entries: 17 } as const;

  it('tells the exponents of powers of two', () => {
    expect(weightText({ ...layer, exponents: [-9, -8, -7, -6] })).toBe('17 values ±2^-9…2^-6 per-tensor');
    expect(weightText({ ...layer, exponents: [] })).toBe('17 values per-tensor');
    expect(weightText({ ...layer, scheme: 'lut16', entries: 16 })).toBe('16 values per-tensor');
  });
});

describe('weightText(layer) of codes that are not the nearest', () => {
  it('tells what chose them', () => {
    const layer = { scheme: 'w4', bits: 4, signed: true, granularity: 'blocked', blockSize: 32 } as const;
    expect(weightText({ ...layer, rounding: 'gptq', bias: 'u4' })).toBe('int4 blocked (32), gptq, bias u4');
  });
});

describe('labelCounts(layers)', () => {
  it('counts layers per label, by scheme, bias and operator, and not that they needed data', () => {
    const layers = [
      { scheme: 'w8a8', bias: 'int32', op: 'Conv' },
      { scheme: 'w8a8', bias: 'u4', op: 'Conv' },
      { scheme: 'w8a8', op: 'ConvTranspose' },
      { scheme: 'pow2-15' },
      { scheme: 'float' },
    ];
    expect(labelCounts(layers)).toEqual(['no speed-up: 3 layers', 'needs compensation: 1 layer']);
    expect(labelCounts([])).toEqual([]);
    const compensated = [{ scheme: 'w4', rounding: 'gptq' }, { scheme: 'w4' }];
    expect(labelCounts(compensated)).toEqual(['no speed-up: 2 layers', 'needs compensation: 1 layer']);
  });
});
