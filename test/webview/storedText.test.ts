import { describe, expect, it } from 'vitest';
import type { ActivationFormat, QuantizationDetails, WeightGranularity } from '../../src/core/results';
import { storedFacts } from '../../webview/inspector/storedText';
import { storedFormat, viewRow } from '../support/viewRows';

const one = (value: number) => ({ count: 1, min: value, max: value });
const row = viewRow('conv', { op: 'QLinearConv' });

function facts(part: Partial<QuantizationDetails>): Record<string, string> {
  const details = { layer: 'conv', weight: null, inputs: [], output: null, ...part };
  return Object.fromEntries(storedFacts(row, details).map(({ name, value }) => [name, value]));
}

const int8: QuantizationDetails['weight'] = {
  ...storedFormat('int8'),
  dtype: 'int8',
  scale: one(0.0123456),
  zeroPoint: one(0),
  entries: null,
};

describe('storedFacts(row, details)', () => {
  it('tells one scale by its value, several by their range', () => {
    expect(facts({ weight: int8 })).toEqual({
      'Stored as': 'int8, through DequantizeLinear',
      Granularity: 'per tensor',
      Scale: '0.01235',
      'Zero point': '0',
      'Input format': 'not quantized',
      'Output format': 'not quantized',
    });
    const scale = { count: 16, min: 6.0878e-7, max: 0.002 };
    const zeroPoint = { count: 16, min: 3, max: 3 };
    expect(facts({ weight: { ...int8, scale, zeroPoint } })).toMatchObject({
      Scale: '6.088e-7 … 0.002 (16)',
      'Zero point': '3 (all 16)',
    });
  });

  it.each<[WeightGranularity, string]>([
    [{ kind: 'per-channel', axis: 1, scales: 1000 }, 'per channel: 1,000 scales on axis 1'],
    [{ kind: 'per-kernel', scales: 12 }, 'per kernel: 12 scales'],
    [{ kind: 'per-group', groups: 4 }, 'per group: 4 codebooks'],
    [{ kind: 'blocked', axis: 0, blockSize: 32, scales: 1 }, 'blocks of 32 on axis 0: 1 scale'],
  ])('names the granularity %o', (granularity, text) => {
    expect(facts({ weight: { ...int8, granularity } })['Granularity']).toBe(text);
  });

  it('writes a table of powers of two by its exponents, and no other table', () => {
    const entries = (values: number[]) => facts({ weight: { ...int8, entries: values } })['Codebook'];
    expect(entries([0, 0.25, -0.25, 0.5, -0.5, 2, -2])).toBe('0, ±2^-2, ±2^-1, ±2^1');
    expect(entries([-0.5, -0.25, 0.25, 0.5])).toBe('±2^-2, ±2^-1');
    expect(entries([0, 0.25, 0.5])).toBe('0, 0.25, 0.5');
    expect(entries([-0.5, -0.3, 0.3, 0.5])).toBe('-0.5, -0.3, 0.3, 0.5');
  });

  it('says what stands between the stored bytes and the operator', () => {
    const storedAs = (part: Partial<NonNullable<QuantizationDetails['weight']>>) =>
      facts({ weight: { ...int8, ...part } })['Stored as'];
    expect(storedAs({ dtype: 'float' })).toBe('float, rounded to int8 by a Q/DQ pair');
    expect(storedAs({ via: 'qlinear' })).toBe('int8, read by QLinearConv');
    expect(storedAs({ via: 'cast', badge: 'float16' })).toBe('float16, converted by Cast');
    expect(storedAs({ via: 'codebook', badge: 'lut9', codebook: { entries: 9, bits: 4 } })).toBe(
      'lut9: 4-bit indices into a codebook of 9 values',
    );
  });

  it('writes small codebooks out, and large ones as a range', () => {
    const codebook = (entries: number[]) => facts({ weight: { ...int8, entries } })['Codebook'];
    expect(codebook([-0.5, 0, 0.25])).toBe('-0.5, 0, 0.25');
    expect(codebook(Array.from({ length: 17 }, (_, index) => index / 16))).toBe('0 … 1 (17)');
  });

  it('tells the formats of activations, also of rows without a weight', () => {
    const format: ActivationFormat = {
      value: 'x_q',
      dtype: 'uint8',
      dynamic: false,
      scale: one(0.5),
      zeroPoint: one(128),
    };
    expect(facts({ inputs: [format], output: { ...format, dynamic: true } })).toEqual({
      'Input format': 'uint8, scale 0.5, zero point 128',
      'Output format': 'uint8, range measured in each run',
    });
    expect(facts({ inputs: [{ ...format, scale: null, zeroPoint: null }] })).toEqual({
      'Input format': 'uint8',
    });
  });
});
