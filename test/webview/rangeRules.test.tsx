import { describe, expect, it } from 'vitest';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import {
  curvePoints,
  plannedPoint,
  placeOf,
  chartScales,
  SPLIT_FRAME,
} from '../../webview/charts/errorSplitScales';
import { RangeRules } from '../../webview/inspector/RangeRules';
import { renderMarkup } from '../support/renderMarkup';

/** A range of 20 dB, ±1 of 40 dB, and one in the plan that is none of these. */
const curve: ErrorSplitCurve = {
  layer: 'conv1',
  value: 'x',
  of: 'input',
  bits: 8,
  type: 'uint8',
  table: null,
  method: 'histogram',
  stride: 1,
  samples: 4,
  random: false,
  elements: 900,
  symmetric: false,
  extremes: { min: -1, max: 1 },
  isFolded: false,
  whyNotFixed: null,
  plannedDb: null,
  thresholds: [0.5, 1],
  clipping: [1, 0],
  rounding: [0, 0.01],
  codes: [256, 250],
  possible: 256,
  markers: [{ rule: 'max', threshold: 1 }],
  planned: { min: -0.1, max: 1, clipping: 24, rounding: 1, codes: 77 },
  histogram: { edges: [0, 1], counts: [900] },
  energy: 100,
};

/** The text of each row, cells between bars. */
function rows(planned: { min: number; max: number } | undefined): string[] {
  const markup = renderMarkup(
    <RangeRules
      curve={curve}
      points={curvePoints(curve)}
      planned={planned}
      scheme="w8a8"
      onPick={() => undefined}
    />,
  );
  const [, body = ''] = markup.split('<tbody>');
  return body
    .split('</tr>')
    .slice(0, -1)
    .map((row) =>
      row
        .replace(/<\/t[dh]>/g, '|')
        .replace(/<[^>]*>/g, '')
        .replace(/\s+/g, ' ')
        .trim(),
    );
}

describe('RangeRules', () => {
  it('shows the figures of the range in the plan, not of one that reaches as far', () => {
    expect(rows({ min: -0.1, max: 1 })).toEqual([
      'in the plan | -0.1 to 1 | 6.0 dB | 77 |',
      'max | -1 to 1 | 40.0 dB | 250 |',
    ]);
  });

  it('shows none while a new range is being measured', () => {
    expect(rows({ min: -0.2, max: 1 })[0]).toMatch(/^in the plan \| -0\.2 to 1 \|/);
    expect(rows({ min: -0.2, max: 1 })[0]).not.toContain('dB');
    expect(rows(undefined)).toHaveLength(1);
  });
});

describe('the range in the plan', () => {
  it('is a point of its own, at the end of the axis where it reaches beyond', () => {
    const wide = { ...curve, planned: { min: -1, max: 20, clipping: 0, rounding: 10, codes: 9 } };
    const point = plannedPoint(wide, { min: -1, max: 20 });
    expect(point).toMatchObject({ threshold: 20, totalDb: -10, codes: 9, range: { min: -1, max: 20 } });
    const scales = chartScales(curvePoints(wide), SPLIT_FRAME);
    expect(placeOf(scales, 20)).toBe(SPLIT_FRAME.width - SPLIT_FRAME.right);
    expect(placeOf(scales, 0)).toBe(SPLIT_FRAME.left);
  });
});
