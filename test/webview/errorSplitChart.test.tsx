import { describe, expect, it } from 'vitest';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { chartSummary, ErrorSplitChart } from '../../webview/charts/errorSplitChart';
import { ErrorSplitTable } from '../../webview/charts/ErrorSplitTable';
import {
  bestPoint,
  chartScales,
  curvePoints,
  histogramBars,
  nearestPoint,
  relativeDb,
  SPLIT_FRAME,
} from '../../webview/charts/errorSplitScales';
import { HandleMark } from '../../webview/charts/HandleMark';
import { basisText, rangeAt, rangeText, ruleLabel } from '../../webview/charts/rangeText';
import { renderMarkup } from '../support/renderMarkup';

/** Clipping falls and rounding grows with the range, as for any weight; the numbers are made up. */
const thresholds = Array.from({ length: 9 }, (_, index) => 0.1 * 2 ** (index / 2));
const curve: ErrorSplitCurve = {
  layer: 'conv1',
  value: 'conv1.<weight>',
  of: 'weight',
  bits: 4,
  type: 'int4',
  method: 'exact',
  stride: 1,
  samples: null,
  random: false,
  elements: 1152,
  symmetric: true,
  extremes: { min: -1.6, max: 1.6 },
  isFolded: false,
  table: null,
  plannedDb: 21.5,
  planned: null,
  whyNotFixed: null,
  thresholds,
  clipping: thresholds.map((_, index) => (index === 8 ? 0 : 10 / 4 ** index)),
  rounding: thresholds.map((a) => 0.01 * a * a),
  codes: thresholds.map((_, index) => 16 - index),
  possible: 16,
  markers: [
    { rule: 'max', threshold: 1.6 },
    { rule: 'percentile:99.9', threshold: 1 },
    { rule: 'percentile:99.99', threshold: 1.2 },
    { rule: 'percentile:99.999', threshold: 1.5 },
    { rule: 'entropy', threshold: 0.15 },
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
    const none = { thresholds: [], clipping: [], rounding: [], codes: [], markers: [] };
    const zeros = { ...curve, ...none, energy: 0 };
    const empty = { ...zeros, histogram: { edges: [0, 0], counts: [1152] } };
    expect(renderMarkup(<ErrorSplitChart curve={empty} />)).not.toMatch(/NaN|Infinity/);
    expect(chartSummary(empty)).toContain('All values are zero');
  });

  it('has a table twin with every fourth threshold, the widest among them', () => {
    const markup = renderMarkup(<ErrorSplitTable curve={curve} />);
    expect(markup.match(/scope="row"/g)).toHaveLength(3);
    expect(markup).toContain('±1.6');
    expect(markup).toContain('none');
  });

  it('draws the golden handle, at the top of the curves where there is no error left to show', async () => {
    const points = curvePoints(curve);
    const scales = chartScales(points, SPLIT_FRAME);
    const [point] = points.slice(3);
    if (!point) throw new Error('no point');
    const marks = renderMarkup(<HandleMark point={point} scales={scales} frame={SPLIT_FRAME} />);
    await expect(marks).toMatchFileSnapshot('../charts/rangeHandle.svg');
    const last = points.at(-1) ?? point;
    expect(last.clippingDb).toBeNull();
    expect(renderMarkup(<HandleMark point={last} scales={scales} frame={SPLIT_FRAME} />)).not.toMatch(
      /NaN|at clipping/,
    );
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

  it('find the threshold that is nearest on the log scale', () => {
    const points = curvePoints(curve);
    thresholds.forEach((threshold, at) => {
      expect(nearestPoint(points, threshold)).toBe(at);
      expect(nearestPoint(points, threshold * 1.15)).toBe(at);
    });
    expect([nearestPoint(points, 1e-9), nearestPoint(points, 1e9)]).toEqual([0, 8]);
    expect(nearestPoint([], 1)).toBe(-1);
  });

  it('tell a range as what of ±a there is', () => {
    expect(rangeText(curve, 0.31273)).toBe('±0.3127');
    const input = { symmetric: false, extremes: { min: -0.2, max: 6 } };
    expect(rangeAt(input, 4)).toEqual({ min: -0.2, max: 4 });
    expect(rangeAt(input, 0.1)).toEqual({ min: -0.1, max: 0.1 });
    expect(rangeText(input, 4)).toBe('-0.2 to 4');
    expect(rangeAt({ symmetric: false, extremes: { min: 0, max: 6 } }, 3)).toEqual({ min: 0, max: 3 });
  });

  it('say what they are of', () => {
    expect(basisText(curve)).toBe(
      'Error power over weight power, int4, one range for all channels; 1,152 weights, exact.',
    );
    expect(basisText({ ...curve, method: 'sampled', stride: 7, isFolded: true })).toContain(
      'one in 7 of 1,152 weights, normalization folded in, with the extremes',
    );
    const table = { ...curve, type: null, table: 'lut16' };
    expect(basisText(table)).toContain('values of lut16, one table for all channels');
    expect(chartSummary(table)).toContain('in the values of lut16 over the range');
    const input = {
      ...curve,
      of: 'input' as const,
      type: 'uint8',
      method: 'histogram' as const,
      samples: 64,
    };
    expect(basisText(input)).toContain('from a histogram of 64 samples (calibration slice, 1,152 values)');
    expect(basisText({ ...input, random: true })).toContain('random inputs');
  });

  it('name the rules as people do', () => {
    expect(['max', 'percentile:99.99', 'mse'].map(ruleLabel)).toEqual(['max', '99.99 %', 'MSE']);
  });
});
