import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/core/results';
import type { ScanView } from '../../src/shared/viewRpc';
import { SchemesTable } from '../../webview/inspector/SchemesTable';
import { withError } from '../../webview/numberText';
import { barScales, candidateTitle, shareOf } from '../../webview/tree/sensitivity';
import { SensitivityBar, SensitivityCell } from '../../webview/tree/SensitivityCell';
import { renderMarkup } from '../support/renderMarkup';

const measured: ScanView['measured'] = {
  metric: 'kl',
  slice: 'scan',
  samples: 32,
  partial: false,
  random: false,
};

function candidate(scheme: string, part: Partial<Candidate> = {}): Candidate {
  return { layer: 'conv1', scheme, sensitivity: 0.01, localSqnrDb: 30, bytes: 1200, ...part };
}

describe('the bar of a sensitivity', () => {
  it('is filled by the worst with its standard error; guesses have a scale of their own', () => {
    const worst = candidate('w4', { sensitivity: 0.8, standardError: 0.2 });
    const guess = candidate('w8', { sensitivity: 40, provisional: true });
    const scales = barScales([worst, guess, candidate('x', { sensitivity: null })], measured);
    expect(scales).toEqual({ measured: { low: 0, high: 1 }, guessed: { low: 0, high: 40 } });
    expect(shareOf(0.8, scales.measured)).toBeCloseTo(0.8);
    expect(shareOf(-1, scales.measured)).toBe(0);
    expect(shareOf(1, { low: 0, high: 0 })).toBe(0);
  });

  it('starts below the least noise when figures are decibels, which are negative', () => {
    const figures = [-40, -10].map((sensitivity) => candidate('w8', { sensitivity }));
    const { measured: scale } = barScales(figures, { ...measured, metric: 'sqnr' });
    expect(scale).toEqual({ low: -46, high: -10 });
    expect(shareOf(-10, scale)).toBe(1);
    expect(shareOf(-40, scale)).toBeGreaterThan(0);
  });

  it('has a whisker where an error is known, and is a hatched outline for a guess', () => {
    const bar = (guess: boolean, standardError: number | null): string =>
      renderMarkup(
        <SensitivityBar
          value={0.5}
          standardError={standardError}
          guess={guess}
          scale={{ low: 0, high: 1 }}
        />,
      );
    expect(bar(false, 0.1)).toContain('x1="40.0%" x2="60.0%"');
    expect(bar(false, null)).not.toContain('bar-whisker');
    expect(bar(false, null)).toContain('class="bar-fill" width="50.0%"');
    expect(bar(true, null)).toContain('fill="url(#hatch)"');
    expect(bar(true, null)).not.toContain('bar-fill');
  });

  it('marks guesses and failures not only by colour', () => {
    const cell = (one: Candidate): string =>
      renderMarkup(
        <SensitivityCell candidate={one} scales={barScales([one], measured)} measured={measured} />,
      );
    expect(cell(candidate('w8', { provisional: true }))).toContain('~0.01');
    const failed = cell(candidate('w8', { sensitivity: null, error: 'The engine ended.' }));
    expect(failed).toContain('aria-label="w8 failed: The engine ended."');
    expect(cell(candidate('w8', { interaction: true }))).toContain('aria-label="Interaction"');
  });
});

describe('candidateTitle(candidate, measured)', () => {
  it('says what was measured, on what, and how far it can be trusted', () => {
    const title = candidateTitle(
      candidate('w8a8', { standardError: 0.00123, agreement: 0.97, interaction: true, restoring: 0.05 }),
      measured,
    );
    expect(title).toMatch(/^KL, scan slice, 32 samples, simulated: 0\.01 ± 0\.00123 standard error\. /);
    expect(title).toContain('97.0 % of top classes stay.');
    expect(title).toContain('Interaction. What it costs depends on what else is quantized.');
    expect(title).toContain('keeping it float gains 0.05.');
  });

  it('calls a guess a guess', () => {
    expect(candidateTitle(candidate('w4', { provisional: true }), measured)).toBe(
      'A guess from the weight alone: relative squared error 0.01, until the layer is measured. 1.20 kB as w4.',
    );
  });
});

describe('withError(value, standardError)', () => {
  it('gives an uncertainty two digits', () => {
    expect(withError(0.0244, 0.006413)).toBe('0.0244 ± 0.0064');
    expect(withError(0.5, null)).toBe('0.5');
  });
});

describe('SchemesTable', () => {
  const table = (candidates: Candidate[]): string =>
    renderMarkup(
      <SchemesTable candidates={candidates} planned="w8a8" measured={measured} onScheme={() => undefined} />,
    );
  const all = [
    candidate('w4', { sensitivity: 0.3, agreement: 0.9 }),
    candidate('pow2-5', { sensitivity: null, error: 'The engine ended twice.' }),
    candidate('lut16', { sensitivity: 0.001, provisional: true }),
    candidate('w8a8', { sensitivity: 0.02 }),
    candidate('w8a8', { sensitivity: 0.015, part: 'weights' }),
  ];

  it('has the least harmful first, then guesses, then failures with their reason', () => {
    const places = ['in the plan', 'Apply w4', 'Apply lut16', 'Apply pow2-5'].map((text) =>
      table(all).indexOf(text),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(table(all)).toContain('The engine ended twice.');
  });

  it('offers no button for the scheme in the plan, nor for a part of a scheme', () => {
    expect(table(all).match(/aria-label="Apply /g)).toHaveLength(3);
    expect(table(all).match(/scope="row"/g)).toHaveLength(5);
  });

  it('has a column of agreement only where outputs have classes', () => {
    expect(table(all)).toContain('Agree');
    expect(table([candidate('w8a8')])).not.toContain('Agree');
  });
});
