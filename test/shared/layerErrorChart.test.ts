import { describe, expect, it } from 'vitest';
import { layerErrorChart, type LayerErrorPoint } from '../../src/shared/charts/layerErrorChart';

const ticksOf = (points: readonly LayerErrorPoint[]): string[] =>
  [...layerErrorChart(points).matchAll(/text-anchor="end">([^<]*)</g)]
    .map(([, text = '']) => text)
    .slice(0, -1);

const layer = (name: string, db: number | null): LayerErrorPoint => ({
  layer: name,
  accumulated: db,
  local: db,
});

describe('layerErrorChart(points)', () => {
  it('ends at 80 dB, and at −20 dB below', () => {
    const ticks = ticksOf([layer('fine', 30), layer('dead', -317), layer('same', null)]);
    expect([ticks[0], ticks.at(-1)]).toEqual(['≤-20', '≥80']);
    expect(ticks).toHaveLength(6);
    expect(layerErrorChart([layer('dead', -317)])).toContain('<title>dead, alone: -317.0 dB</title>');
  });

  it('begins at 0 dB where nothing is worse', () => {
    expect(ticksOf([layer('fine', 30), layer('good', 50)])).toEqual(['0', '10', '20', '30', '40', '50']);
  });
});
