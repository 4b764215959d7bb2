import { describe, expect, it } from 'vitest';
import { setScheme } from '../../../src/core/plan/editPlan';
import { defaultPlan } from '../../../src/core/plan/planFile';
import {
  fitsBits,
  hybridPicks,
  medianSqnr,
  naivePicks,
  selectiveFormats,
  withPicks,
} from '../../../src/core/plan/presets';
import { formatMistake, formatText } from '../../../src/core/quant/layerFormat';

const figures = (...values: (number | null)[]) => values.map((sqnrDb, i) => ({ layer: `l${i}`, sqnrDb }));
const formats = (picks: readonly { format: Parameters<typeof formatText>[0] }[]) =>
  picks.map(({ format }) => formatText(format));

describe('presets', () => {
  it('naive: one format everywhere, as entries of their own', () => {
    const plan = setScheme(
      setScheme(defaultPlan, ['a'], { scheme: 'w8', range: 'mse' }),
      ['softmax'],
      'float',
    );
    const filled = withPicks(plan, naivePicks(['a', 'b'], { scheme: 'w4', granularity: 'block:32' }));
    expect(filled.layers).toEqual({
      a: { scheme: 'w4', granularity: 'block:32' },
      b: { scheme: 'w4', granularity: 'block:32' },
      softmax: { scheme: 'float' },
    });
    expect(filled.defaultScheme).toBe(plan.defaultScheme);
  });

  it.each([
    [[10, 20, 30], 20],
    [[30, 10, 20, 40], 25],
    [[10, null, null], Infinity],
    [[10, 20, null], 20],
    [[], Infinity],
  ])('median of %j is %f', (values, expected) => {
    expect(medianSqnr(figures(...values))).toBe(expected);
  });

  it('hybrid: float where the error is more than the margin below the median', () => {
    const measured = figures(20, 22, 14, 13.9, null);
    expect(formats(hybridPicks(measured, { scheme: 'w4' }))).toEqual(['w4', 'w4', 'w4', 'float', 'w4']);
    expect(formats(hybridPicks(measured, { scheme: 'w4' }, 1))).toEqual(['w4', 'w4', 'float', 'float', 'w4']);
    expect(formats(hybridPicks(measured, { scheme: 'w4' }, 100))).toEqual(['w4', 'w4', 'w4', 'w4', 'w4']);
  });

  it('selective: tries formats that mean something, each once, of few enough bits', () => {
    for (const bits of [4, 5, 8]) {
      const tried = selectiveFormats(bits);
      expect(tried.flatMap((format) => formatMistake(format) ?? [])).toEqual([]);
      expect(new Set(tried.map(formatText)).size).toBe(tried.length);
      expect(tried.some(({ scheme }) => scheme === 'w8' || scheme === 'lut256')).toBe(bits === 8);
    }
    const words = selectiveFormats(4).map(formatText);
    for (const text of [
      'w4,channel',
      'w4,block:32,asymmetric',
      'w4,kernel',
      'u4',
      'lut16,tensor',
      'pow2-15',
    ]) {
      expect(words).toContain(text);
    }
  });

  it('counts scales and tables as bits', () => {
    expect(fitsBits(4.5 * 100, 800, 4)).toBe(true);
    expect(fitsBits(4.5 * 100 + 1, 800, 4)).toBe(false);
  });
});
