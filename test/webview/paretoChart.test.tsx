import { describe, expect, it } from 'vitest';
import { ParetoChart, paretoSummary, pointLabel } from '../../webview/charts/ParetoChart';
import { ParetoLegend } from '../../webview/charts/ParetoLegend';
import { ParetoTable } from '../../webview/charts/ParetoTable';
import { paretoScales } from '../../webview/charts/paretoScales';
import { logTicks } from '../../webview/charts/logTicks';
import { renderMarkup } from '../support/renderMarkup';
import { searchFound, searchPoint, verifiedPlan } from './searchPoints';

const frame = { width: 600, height: 300 };
const draw = (found = searchFound(), part: Partial<Parameters<typeof ParetoChart>[0]> = {}): string =>
  renderMarkup(
    <ParetoChart found={found} cost="bytes" frame={frame} budget={3.2e6} picked={2} current={2} {...part} />,
  );

describe('ParetoChart', () => {
  it('draws the golden picture', async () => {
    await expect(draw()).toMatchFileSnapshot('../charts/pareto.svg');
  });

  it('draws the golden picture of bit-operations with a limit of the error', async () => {
    const found = searchFound({ goal: { kind: 'cap', error: 'kl', limit: 0.01, cost: 'bops' } });
    const markup = draw(found, { cost: 'bops', budget: null, picked: null });
    await expect(markup).toMatchFileSnapshot('../charts/paretoBops.svg');
  });

  it('is a list box with an option for every plan that has the cost', () => {
    const found = searchFound();
    expect(draw().match(/role="option"/g)).toHaveLength(4);
    expect(draw()).toContain('aria-activedescendant="plan-2"');
    expect(draw().match(/aria-selected="true"/g)).toHaveLength(1);
    const timed = { ...found, points: [...found.points.slice(1), searchPoint(0, { latencyMs: 2 })] };
    expect(draw(timed, { cost: 'latency' }).match(/role="option"/g)).toHaveLength(1);
    expect(draw(timed, { cost: 'latency' })).not.toContain('aria-activedescendant');
  });

  it('gives every state a shape, not only a colour', () => {
    const plain = draw(searchFound({ chosen: null, applied: null }), { picked: null });
    const marked = draw();
    for (const shape of [/class="applied"/g, /class="picked"/g]) {
      expect(plain).not.toMatch(shape);
      expect(marked.match(shape)).toHaveLength(1);
    }
    // The search's choice is a star instead of a circle.
    expect(plain.match(/<circle class="mark"/g)).toHaveLength(4);
    expect(marked.match(/<circle class="mark"/g)).toHaveLength(3);
  });

  it('has no style attributes, no ids from names, and no numbers that are none', () => {
    const odd = searchFound({
      points: [
        searchPoint(0, { predicted: 0, keeps: ['<img>'] }),
        searchPoint(1, { bytes: 1e6, predicted: 1e-30, verified: verifiedPlan(0, { standardError: 0 }) }),
      ],
      float: { bytes: 0, bops: null, latencyMs: null },
    });
    for (const found of [odd, searchFound({ points: [] })]) {
      expect(draw(found)).not.toMatch(/style=|NaN|Infinity|undefined/);
    }
  });

  it('says in words what it shows', () => {
    const found = searchFound();
    expect(paretoSummary(found, 'bytes')).toBe(
      'Plans by file size and KL divergence: 4, 2 of them verified. The search chose 3.00 MB, 37.5 % of float, KL divergence 0.005 ± 0.002, verified on 200 samples, chosen by the search.',
    );
    expect(pointLabel(searchPoint(1), found, 'bops')).toBe(
      '2.00 G bit-operations, 12.5 % of float, KL divergence 0.025, predicted, applied',
    );
  });

  it('explains in the legend only the shapes that are there', () => {
    const legend = (has: boolean): string =>
      renderMarkup(<ParetoLegend hasVerified={has} hasChosen={has} hasApplied={has} hasPicked={has} />);
    expect(legend(true).match(/<span>/g)).toHaveLength(6);
    expect(legend(false).match(/<span>/g)).toHaveLength(2);
  });
});

describe('ParetoTable', () => {
  it('has a row for every point with the same figures, and says what is special', () => {
    const markup = renderMarkup(<ParetoTable found={searchFound()} cost="bytes" picked={2} current={2} />);
    expect(markup.match(/scope="row"/g)).toHaveLength(4);
    expect(markup).toContain('0.04 ± 0.01');
    expect(markup).toContain('4 × w4,block:32, 1 × w8a8');
    expect(markup.match(/class="tag"/g)).toHaveLength(3);
    // One tab stop; arrow keys move it.
    expect(markup.match(/tabIndex="0"/g)).toHaveLength(1);
  });

  it('leaves out columns that nothing is known of', () => {
    const markup = renderMarkup(
      <ParetoTable found={searchFound()} cost="bytes" picked={null} current={null} />,
    );
    expect(markup).toContain('Agreement');
    expect(markup).not.toContain('Accuracy');
    expect(markup).not.toContain('Latency');
  });
});

describe('paretoScales(found, cost, frame)', () => {
  it('puts an error of zero into a band below the logarithmic axis', () => {
    const { y, zero, bottom, ground } = paretoScales(searchFound(), 'bytes', frame);
    expect(y(0)).toBe(zero);
    expect(zero).toBeGreaterThan(bottom);
    expect(zero).toBeLessThan(ground);
    expect(y(0.1)).toBeLessThan(y(0.01));
  });

  it('puts there also what is negligible beside the worst, and says so', () => {
    const tiny = searchFound({ points: [searchPoint(0), searchPoint(1, { predicted: 1e-12 })] });
    const scales = paretoScales(tiny, 'bytes', frame);
    expect(scales.y(1e-12)).toBe(scales.zero);
    expect(scales.isFloorCut).toBe(true);
    expect(paretoScales(searchFound(), 'bytes', frame).isFloorCut).toBe(false);
  });

  it('has room for every point and the float model, in plain numbers of one unit', () => {
    const scales = paretoScales(searchFound(), 'bytes', frame);
    expect(scales.xTitle).toBe('file size, MB');
    expect(scales.xTicks.map(({ label }) => label)).toContain('4');
    for (const bytes of [1e6, 8e6]) {
      expect(scales.x(bytes)).toBeGreaterThanOrEqual(scales.left);
      expect(scales.x(bytes)).toBeLessThanOrEqual(scales.right);
    }
  });

  it('counts float layers in whole numbers', () => {
    const { xTicks } = paretoScales(searchFound(), 'floatLayers', frame);
    expect(xTicks.map(({ label }) => label)).toEqual(['0', '1', '2', '3']);
  });
});

describe('logTicks(domain)', () => {
  it('has powers of ten, with steps between where there is room', () => {
    expect(logTicks([0.009, 0.11])).toEqual([0.01, 0.02, 0.05, 0.1]);
    expect(logTicks([1e-5, 1])).toEqual([1e-5, 1e-4, 1e-3, 0.01, 0.1, 1]);
    expect(logTicks([1e-12, 1]).length).toBeLessThanOrEqual(8);
  });
});
