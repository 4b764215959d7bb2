import { describe, expect, it } from 'vitest';
import type { LayerLatencyView } from '../../src/shared/viewRpc';
import { LatencyTable } from '../../webview/inspector/LatencyTable';
import { differenceText, latencyRows } from '../../webview/inspector/latencyRows';
import { renderMarkup } from '../support/renderMarkup';

const latency: LayerLatencyView = {
  modelMs: 2.5,
  random: false,
  floatMs: 0.4,
  extraMs: { w4: 0.8, w8a8: -0.3, lut16: 0.01, w8: -0.5 },
};

describe('the latency of schemes', () => {
  it('has the fastest first, the float layer among them, and never a time below 0', () => {
    const rows = latencyRows(latency, 'Conv');
    expect(rows.map(({ scheme }) => scheme)).toEqual(['w8', 'w8a8', 'float', 'lut16', 'w4']);
    expect(rows.map(({ milliseconds }) => Number(milliseconds?.toFixed(3)))).toEqual([
      0, 0.1, 0.4, 0.41, 1.2,
    ]);
    expect(rows.at(-1)?.share).toBe(1);
  });

  it('promises no speed-up where the runtime computes in float', () => {
    const promised = (op: string): string[] =>
      latencyRows(latency, op).flatMap(({ scheme, isNoSpeedUp }) => (isNoSpeedUp ? [] : [scheme]));
    expect(promised('Conv')).toEqual(['w8a8', 'float']);
    expect(promised('ConvTranspose')).toEqual(['float']);
  });

  it('tells differences alone where the time of the layer is not known', () => {
    const rows = latencyRows({ ...latency, floatMs: null }, 'Conv');
    expect(rows.every(({ milliseconds, share }) => milliseconds === null && share === 0)).toBe(true);
    expect([0.123456, -0.5, 0].map(differenceText)).toEqual(['+0.123', '−0.5', '±0']);
  });

  it('applies a scheme by a button, but for the one in the plan', () => {
    const markup = renderMarkup(
      <LatencyTable
        latency={{ ...latency, random: true }}
        op="Conv"
        planned="w8a8"
        onScheme={() => undefined}
      />,
    );
    expect(markup.match(/aria-label="Apply /g)).toHaveLength(4);
    expect(markup).toContain('with random inputs');
    expect(markup).not.toMatch(/NaN|style=/);
  });
});
