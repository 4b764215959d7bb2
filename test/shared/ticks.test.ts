import { scaleLinear } from 'd3-scale';
import { describe, expect, it } from 'vitest';
import { differenceChart } from '../../src/shared/charts/differenceChart';
import { scatterChart } from '../../src/shared/charts/scatterChart';
import { edgeText, formatApart, tickLabels } from '../../src/shared/charts/ticks';
import { uniform } from '../support/random';

const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);

describe('formatApart(value, step)', () => {
  it.each([
    [2505, 5, '2505'],
    [0.995, 0.005, '0.995'],
    [0.3, 0.1, '0.3'],
    [-1013.25, 0.05, '-1013.25'],
    [2_505_000, 5000, '2.505e+6'],
    [0.000_121, 1e-6, '1.21e-4'],
    [0, 5, '0'],
    // Not more digits than a number has, nor fewer than `formatNumber` gives.
    [1.5, 1e-30, '1.5'],
    [1234, 1e5, '1230'],
    [1234, 0, '1230'],
  ])('%d, %d apart → %s', (value, step, text) => expect(formatApart(value, step)).toBe(text));
});

describe('tickLabels(ticks, room)', () => {
  it('says of every tick where it is', () => {
    const random = uniform(1);
    for (let round = 0; round < 2000; round++) {
      const from = (random() - 0.5) * 10 ** (12 * random() - 6);
      const to = from + 10 ** (8 * random() - 6) * Math.max(1, Math.abs(from));
      const ticks = scaleLinear([from, to], [0, 1]).ticks(5);
      const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
      for (const [at, label] of tickLabels(ticks).entries()) {
        expect(Math.abs(Number(label) - (ticks[at] ?? 0)), label).toBeLessThan(step * 1e-6);
      }
    }
  });

  it('leaves out labels that would touch', () => {
    expect(tickLabels([100, 150, 200, 250, 300], 3)).toEqual(['100', '', '200', '', '300']);
    expect(tickLabels([100, 150, 200, 250, 300], 4)).not.toContain('');
    expect([tickLabels([]), tickLabels([3])]).toEqual([[], ['3']]);
  });
});

describe('charts of values far from zero', () => {
  it('label their axes with numbers that differ', () => {
    const points = Array.from({ length: 200 }, (_, at) => [2500 + at / 10, 2500.3 + at / 10] as const);
    const texts = textsOf(scatterChart(points, { title: '', a: 'A', b: 'B' }));
    expect(texts.filter((text) => text.startsWith('25'))).toEqual(
      ['2500', '2505', '2510', '2515', '2520'].flatMap((text) => [text, text]),
    );
  });

  it('tell bins by edges that differ', () => {
    expect([2500, 2500.125, 2500.25].map((edge) => edgeText(edge, 0.125))).toEqual([
      '2500',
      '2500.13',
      '2500.25',
    ]);
    const svg = differenceChart(
      {
        edges: [1.2345, 1.2346],
        counts: [3],
        equal: 0,
        values: 3,
        mean: 1.23455,
        standardDeviation: 0.00002,
      },
      { title: '', a: 'A', b: 'B' },
    );
    expect(svg).toContain('<title>1.2345 to 1.2346: 3</title>');
  });
});
