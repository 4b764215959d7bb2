import { describe, expect, it } from 'vitest';
import { differenceChart } from '../../src/shared/charts/differenceChart';
import { CHART_STYLE, withoutStyle } from '../../src/shared/charts/svg';

const sides = { title: 'Differences at output <y>', a: 'A', b: 'B' };
const histogram = {
  edges: [-0.2, -0.1, 0, 0.1],
  counts: [4, 0, 8],
  equal: 4,
  values: 16,
  mean: 0.01,
  standardDeviation: 0.05,
};

describe('differenceChart(histogram, options)', () => {
  it('draws a bar for each bin that has values, as high as they are many', () => {
    const svg = differenceChart(histogram, sides);
    const heights = [...svg.matchAll(/<rect class="one"[^>]* height="([\d.]+)"/g)].map(([, height]) =>
      Number(height),
    );
    expect(heights).toHaveLength(2);
    expect((heights[1] ?? 0) / (heights[0] ?? 1)).toBeCloseTo(2, 1);
    expect(svg).toContain('4 of 16 are equal (25.0 %)');
    expect(svg).toContain('Differences at output &lt;y&gt;');
  });

  it('says so when all values are equal', () => {
    const same = { edges: [], counts: [], equal: 16, values: 16, mean: 0, standardDeviation: 0 };
    const svg = differenceChart(same, sides);
    expect(svg).toContain('16 of 16 are equal (100.0 %)');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('marks the mean and one standard deviation, as far as they are in the picture', () => {
    const linesOf = (svg: string): number[] =>
      [...svg.matchAll(/<line class="two line[^"]*" x1="([-\d.]+)"/g)].map(([, at]) => Number(at));
    expect(linesOf(differenceChart(histogram, sides))).toHaveLength(3);
    const oneSided = { ...histogram, edges: [0.1, 0.4, 0.7, 1], mean: 0.2, standardDeviation: 0.3 };
    const lines = linesOf(differenceChart(oneSided, sides));
    expect(lines).toHaveLength(2);
    for (const at of lines) expect(at).toBeGreaterThanOrEqual(12);
  });

  it('can do without its style, for a page that has it', () => {
    const svg = differenceChart(histogram, sides);
    expect(svg).toContain(CHART_STYLE);
    expect(withoutStyle(svg)).not.toContain('<style');
    expect(withoutStyle(svg)).toContain('<rect');
  });
});
