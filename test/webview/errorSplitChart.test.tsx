import { describe, expect, it } from 'vitest';
import type { ErrorSplitCurve } from '../../src/core/results';
import { chartSummary, ErrorSplitChart, ruleLabel } from '../../webview/charts/errorSplitChart';
import { ErrorSplitTable } from '../../webview/charts/ErrorSplitTable';
import { bestPoint, curvePoints, histogramBars, relativeDb } from '../../webview/charts/errorSplitScales';
import { renderMarkup } from '../support/renderMarkup';

/** Clipping falls and rounding grows with the range, as for any weight; the numbers are made up. */
const thresholds = Array.from({ length: 9 }, (_, index) => 0.1 * 2 ** (index / 2));
const curve: ErrorSplitCurve = {
  layer: 'conv1',
  weight: 'conv1.<weight>',
  bits: 4,
  signed: true,
  elements: 1152,
  thresholds,
  clipping: thresholds.map((_, index) => (index === 8 ? 0 : 10 / 4 ** index)),
  rounding: thresholds.map((a) => 0.01 * a * a),
  markers: [
    { rule: 'max', threshold: 1.6 },
    { rule: 'percentile:99.99', threshold: 1.2 },
    { rule: 'mse', threshold: 0.9 },
  ],
  histogram: { edges: [0, 0.4, 0.8, 1.2, 1.6], counts: [600, 400, 150, 2] },
  energy: 100,
};

describe('ErrorSplitChart', () => {
  it('draws the golden picture', async () => {
    const [svg] = /<svg[^]*<\/svg>/.exec(renderMarkup(<ErrorSplitChart curve={curve} />)) ?? [];
    await expect(svg).toMatchFileSnapshot('../charts/errorSplit.svg');
  });

  it('has no style attributes, which the content security policy would drop, and shows names as text', () => {
    const markup = renderMarkup(<ErrorSplitChart curve={curve} />);
    expect(markup).not.toContain('style=');
    expect(markup).toContain('conv1.&lt;weight&gt;');
  });

  it('draws a weight of zeros without numbers that are none', () => {
    const zeros = { ...curve, thresholds: [], clipping: [], rounding: [], markers: [], energy: 0 };
    const empty = { ...zeros, histogram: { edges: [0, 0], counts: [1152] } };
    expect(renderMarkup(<ErrorSplitChart curve={empty} />)).not.toMatch(/NaN|Infinity/);
    expect(chartSummary(empty)).toContain('All weights are zero');
  });

  it('has a table twin with a row for every threshold', () => {
    const markup = renderMarkup(<ErrorSplitTable curve={curve} />);
    expect(markup.match(/scope="row"/g)).toHaveLength(thresholds.length);
    expect(markup).toContain('none');
  });
});

describe('the numbers behind it', () => {
  it('are decibels of error over energy: the negative SQNR', () => {
    expect(relativeDb(1, 100)).toBeCloseTo(-20);
    expect(relativeDb(0, 100)).toBeNull();
    expect(relativeDb(1, 0)).toBeNull();
  });

  it('find the range with the least total', () => {
    const best = bestPoint(curvePoints(curve));
    const totals = thresholds.map((_, index) => (curve.clipping[index] ?? 0) + (curve.rounding[index] ?? 0));
    expect(best?.threshold).toBe(thresholds[totals.indexOf(Math.min(...totals))]);
    expect(bestPoint([])).toBeUndefined();
  });

  it('cut the histogram to what a logarithmic axis can show, areas telling the counts', () => {
    const bars = histogramBars({ edges: [0, 1, 2, 4, 8], counts: [4, 0, 2, 6] }, [0.5, 4]);
    expect(bars.map(({ from, to }) => [from, to])).toEqual([
      [0.5, 1],
      [2, 4],
    ]);
    expect(bars.map(({ height }) => height)).toEqual([1, expect.closeTo(0.5)]);
  });

  it('join bins that would be too narrow to see, and lose none of their weights', () => {
    const bins = Array.from({ length: 1000 }, (_, index) => index);
    const histogram = { edges: [...bins, 1000], counts: bins.map(() => 1) };
    const bars = histogramBars(histogram, [10, 1000]);
    expect(bars.length).toBeLessThanOrEqual(48);
    // A uniform distribution rises with x on a logarithmic axis.
    expect(bars.at(-1)?.height).toBe(1);
    expect(bars[0]?.from).toBe(10);
    expect(bars.at(-1)?.to).toBe(1000);
  });

  it('name the rules as people do', () => {
    expect(['max', 'percentile:99.99', 'mse'].map(ruleLabel)).toEqual(['max', '99.99 %', 'MSE']);
  });
});
