import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { inferShapes } from '../../../src/core/graph/shapes';
import { crossingsOf, type Crossing } from '../../../src/core/latency/borders';
import {
  borderTime,
  conversionsBetween,
  fitConversions,
  type Conversion,
  type ConversionTime,
  type Domain,
} from '../../../src/core/latency/conversions';
import { LatencyModel, type LayerTime } from '../../../src/core/latency/latencyModel';
import { residualBlock } from '../rewrite/models';

/** Each conversion takes its own power of two in microseconds, and as many nanoseconds for each element. */
const times = new Map<Conversion, ConversionTime>([
  ['QuantizeLinear', { fixed: 1, perElement: 0.001 }],
  ['DequantizeLinear', { fixed: 2, perElement: 0.002 }],
  ['Transpose', { fixed: 4, perElement: 0.004 }],
  ['ReorderInput', { fixed: 8, perElement: 0.008 }],
  ['ReorderOutput', { fixed: 16, perElement: 0.016 }],
]);

const image = { elements: 1000, rank: 4 };

describe('conversions', () => {
  it.each([
    ['blocked', 'integer', 2 * (16 + 1 + 4)],
    ['integer', 'blocked', 2 * (4 + 2 + 8)],
    ['plain', 'integer', 2 * (1 + 4)],
    ['integer', 'plain', 2 * (4 + 2)],
    ['blocked', 'plain', 2 * 16],
    ['plain', 'blocked', 2 * 8],
    ['plain', 'simulated', 2 * (1 + 2)],
    ['simulated', 'plain', 0],
    ['integer', 'integer', 0],
  ] satisfies [Domain, Domain, number][])('from %s to %s take %d µs', (from, to, microseconds) => {
    expect(borderTime(times, from, to, image)).toBeCloseTo(microseconds, 9);
  });

  it('do not turn the axes of values that are no images', () => {
    expect(conversionsBetween('plain', 'integer', 2)).toEqual(['QuantizeLinear']);
  });

  it('are fitted by a line, no part of it negative', () => {
    const samples = (points: readonly (readonly [number, number])[]) =>
      points.map(([elements, microseconds]) => ({ op: 'Transpose' as const, elements, microseconds }));
    const fit = (points: readonly (readonly [number, number])[]) =>
      fitConversions(samples(points)).get('Transpose');
    const line = fit([
      [100, 4],
      [200, 5],
      [300, 6],
    ]);
    expect(line?.fixed).toBeCloseTo(3, 9);
    expect(line?.perElement).toBeCloseTo(0.01, 9);
    expect(fit([[100, 4]])).toEqual({ fixed: 4, perElement: 0 });
    // Falling with the size can only be noise.
    const falling = fit([
      [100, 5],
      [200, 3],
    ]);
    expect(falling).toEqual({ fixed: 4, perElement: 0 });
    const steep = fit([
      [100, 1],
      [200, 3],
    ]);
    expect(steep?.fixed).toBe(0);
    expect(steep?.perElement).toBeCloseTo(2 / 150, 9);
  });
});

describe('crossingsOf', () => {
  it('tells what passes between layers: of a residual block also past a layer', () => {
    const index = indexGraph(residualBlock());
    const crossings = crossingsOf(index, inferShapes(index), new Set(['stem', 'left', 'right']));
    expect(crossings.map(({ from, to }) => [from, [...to].sort()])).toEqual([
      ['stem', ['left', 'right']],
      ['left', ['right']],
    ]);
    for (const { elements, rank } of crossings) {
      expect(elements).toBeGreaterThan(0);
      expect(rank).toBe(4);
    }
  });
});

describe('LatencyModel', () => {
  const layers = ['a', 'b', 'c'];
  const inFormat = (extraMs: number, domain: Domain): ReadonlyMap<string, LayerTime> =>
    new Map(layers.map((name) => [name, { extraMs, domain }]));
  const formats = new Map([
    ['float', inFormat(0, 'blocked')],
    ['w8a8', inFormat(-0.1, 'integer')],
    ['w4', inFormat(0.5, 'plain')],
  ]);
  const crossings: Crossing[] = [
    { from: 'a', to: ['b', 'c'], ...image },
    { from: 'b', to: ['c'], ...image },
  ];
  const model = new LatencyModel(1.2, 1, formats, crossings, times);
  const all = (text: string) => Object.fromEntries(layers.map((name) => [name, text]));
  const [toInteger, fromInteger] = [0.042, 0.028];

  it('gives plans of one format what was measured', () => {
    expect(model.foretold(all('float'))).toBe(1);
    expect(model.foretold(all('w8a8'))).toBeCloseTo(0.7, 12);
    expect(model.foretold(all('w4'))).toBeCloseTo(2.5, 12);
  });

  it('adds the conversions between neighbours that differ, once for all that read a value alike', () => {
    expect(model.foretold({ ...all('float'), a: 'w8a8' })).toBeCloseTo(0.9 + fromInteger, 12);
    expect(model.foretold({ ...all('w8a8'), a: 'float' })).toBeCloseTo(0.8 + toInteger, 12);
    expect(model.foretold({ ...all('float'), b: 'w8a8' })).toBeCloseTo(0.9 + toInteger + fromInteger, 12);
  });

  it('gives sums half the conversions among float layers', () => {
    expect(model.additiveMs('a', 'float')).toBe(0);
    expect(model.additiveMs('a', 'w8a8')).toBeCloseTo(-0.1 + fromInteger / 2, 12);
    expect(model.additiveMs('b', 'w8a8')).toBeCloseTo(-0.1 + (toInteger + fromInteger) / 2, 12);
  });

  it('knows nothing of a format that was not measured', () => {
    expect(model.additiveMs('a', 'lut16')).toBeNull();
    expect(model.foretold({ ...all('float'), a: 'lut16' })).toBeNull();
  });
});
