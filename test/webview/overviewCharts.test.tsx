import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/core/results';
import type { ViewRow } from '../../src/shared/viewRpc';
import {
  BitWidthChart,
  BitWidthTable,
  bitWidthSummary,
  widthTotals,
} from '../../webview/overview/BitWidthChart';
import { bitWidths } from '../../webview/overview/countBits';
import { heatOf, heatScales } from '../../webview/overview/heat';
import { HeatLegend } from '../../webview/overview/HeatLegend';
import { IcicleChart } from '../../webview/overview/IcicleChart';
import { icicle } from '../../webview/overview/icicleLayout';
import { IcicleTable } from '../../webview/overview/IcicleTable';
import { sizeOfRows, wholeModel } from '../../webview/overview/modules';
import { fitText, heatText, schemeFact, shapeFacts } from '../../webview/overview/shapeText';
import { WHOLE_MODEL } from '../../webview/overview/zoom';
import { rowTree } from '../../webview/tree/rowTree';
import type { Measured } from '../../webview/tree/sensitivity';
import { renderMarkup } from '../support/renderMarkup';
import { storedFormat, viewRow } from '../support/viewRows';

const frame = { width: 480, height: 160 };
const measured: Measured = { metric: 'kl', slice: 'scan', samples: 32, partial: false, random: false };

function candidate(layer: string, sensitivity: number | null, part: Partial<Candidate> = {}): Candidate {
  return { layer, scheme: 'w8a8', sensitivity, localSqnrDb: 20, bytes: 100, ...part };
}

const rows: readonly ViewRow[] = [
  viewRow('conv1', { bytes: 4000, candidate: candidate('conv1', 0.02, { standardError: 0.01 }) }),
  viewRow('a.conv', { path: ['block', 'block.a'], bytes: 9000, candidate: candidate('a.conv', 0.0002) }),
  viewRow('a.guess', {
    path: ['block', 'block.a'],
    bytes: 3000,
    candidate: candidate('a.guess', 0.004, { provisional: true }),
  }),
  viewRow('b.unknown', { path: ['block', 'block.b'], bytes: 3000, scheme: 'float' }),
  viewRow('b.tiny', { path: ['block', 'block.b'], bytes: 20 }),
  viewRow('b.small', { path: ['block', 'block.b'], bytes: 30 }),
  viewRow('<img src=x>', { bytes: 1000, candidate: candidate('odd', null, { error: 'It failed.' }) }),
];

function draw(current: string | null = null, selected: string[] = []): string {
  const model = wholeModel(rowTree(rows), 'net.onnx');
  return renderMarkup(
    <IcicleChart
      shapes={icicle(model, WHOLE_MODEL, 'bytes', frame)}
      frame={frame}
      context={{ measure: 'bytes', whole: sizeOfRows(rows, 'bytes'), measured }}
      scales={heatScales(rows, measured)}
      current={current}
      selected={new Set(selected)}
      label="Size by module"
    />,
  );
}

describe('IcicleChart', () => {
  it('draws the golden picture', async () => {
    await expect(draw('row:a.conv', ['row:conv1'])).toMatchFileSnapshot('../charts/icicle.svg');
  });

  it('is a tree with an item for each shape, of which one is current', () => {
    const markup = draw('row:a.conv', ['row:conv1']);
    expect(markup.match(/role="treeitem"/g)?.length).toBe(markup.match(/aria-level="/g)?.length);
    expect(markup.match(/aria-selected="true"/g)).toHaveLength(1);
    const [, at] = /aria-activedescendant="(.*?)"/.exec(markup) ?? [];
    expect(markup).toMatch(new RegExp(`id="${at}"[^>]*aria-label="a\\.conv\\.`));
    expect(draw()).not.toContain('aria-activedescendant');
  });

  it('tells by heights and patterns what it tells by colours, and failures and the unknown apart', () => {
    const heights = (name: string): number[] => {
      const item = new RegExp(`aria-label="${name}\\..*?</g>`, 's').exec(draw())?.[0] ?? '';
      return [...item.matchAll(/class="fill[^>]* height="([\d.]+)"/g)].map(([, height]) => Number(height));
    };
    const [worst = 0] = heights('conv1');
    const [good = 0] = heights('a\\.conv');
    expect(worst).toBeGreaterThan(2 * good);
    expect(good).toBeGreaterThan(0);
    expect(heights('b\\.unknown')).toEqual([]);
    expect(draw().match(/class="fill guess" fill="url\(#hatch\)"/g)).toHaveLength(1);
    expect(draw().match(/class="shape row unmeasured"/g)?.length).toBe(2);
  });

  it('has no style attributes, no markup from names, and no numbers that are none', () => {
    expect(draw()).not.toMatch(/style=|NaN|Infinity|undefined|<img/);
  });
});

describe('IcicleTable', () => {
  it('has a row for each shape', () => {
    const shapes = icicle(wholeModel(rowTree(rows), 'net.onnx'), WHOLE_MODEL, 'bytes', frame);
    const markup = renderMarkup(
      <IcicleTable shapes={shapes} context={{ measure: 'bytes', whole: 20_050, measured }} />,
    );
    expect(markup.match(/<th scope="row"/g)).toHaveLength(shapes.length);
    expect(markup).toContain('0.02 KL');
    expect(markup).toContain('b.tiny … b.small');
  });
});

describe('heat', () => {
  const scales = heatScales(rows, measured);
  const share = (sensitivity: number, provisional = false): number | undefined =>
    heatOf(
      { sensitivity, standardError: null, ...(provisional && { provisional: true as const }) },
      scales,
      measured,
    )?.share;

  it('falls by a third for each power of ten below the worst layer, whose own error does not count', () => {
    expect([0.02, 0.002, 0.0002, 0.00002, 1e-9, 0].map((value) => share(value)?.toFixed(3))).toEqual([
      '1.000',
      '0.667',
      '0.333',
      '0.000',
      '0.000',
      '0.000',
    ]);
    expect(share(0.004, true)).toBe(1);
    expect(heatOf(null, scales, measured)).toBeNull();
    expect(heatOf({ sensitivity: null, standardError: null }, scales, measured)).toBeNull();
  });

  it('takes decibels as they are', () => {
    const decibels: Measured = { ...measured, metric: 'sqnr' };
    const noisy = [-40, -10].map((sensitivity) => viewRow('x', { candidate: candidate('x', sensitivity) }));
    const heat = heatOf({ sensitivity: -25, standardError: null }, heatScales(noisy, decibels), decibels);
    expect(heat?.share).toBeCloseTo(21 / 36);
    expect(heat?.step).toBe(3);
  });

  it('has a legend of what there is', () => {
    const legend = (of: Measured, hasGuesses: boolean): string =>
      renderMarkup(<HeatLegend scales={scales} measured={of} hasGuesses={hasGuesses} />);
    expect(legend(measured, true)).toMatch(/sensitivity 2\.0e-5 or less to 0\.02 \(KL\)/);
    expect(legend(measured, true)).toContain('guess');
    expect(legend(null, false)).not.toMatch(/sensitivity|guess/);
  });
});

describe('the text of a shape', () => {
  const shapes = icicle(wholeModel(rowTree(rows), 'net.onnx'), WHOLE_MODEL, 'bytes', frame);
  const facts = (name: string): Record<string, string> => {
    const shape = shapes.find((each) => each.name === name);
    if (!shape) throw new Error(name);
    const context = { measure: 'bytes' as const, whole: 20_050, measured };
    const all = [...shapeFacts(shape, context), schemeFact(shape)];
    return Object.fromEntries(all.map((fact) => [fact.name, fact.value]));
  };

  it('says what it is, how large, and how bad', () => {
    expect(facts('a.conv')).toEqual({
      Module: 'block / block.a',
      Operator: 'Conv',
      Size: '9.00 kB, 44.9 %',
      Scheme: 'w8a8',
      Sensitivity: '2.0e-4 KL',
    });
    expect(facts('b')).toMatchObject({
      Module: 'block',
      Contains: '3 rows',
      Scheme: '1 float, 2 w8a8',
      'Worst sensitivity': 'not measured',
    });
    const guess = shapes.find(({ name }) => name === 'a.guess');
    expect(guess && heatText(guess, measured)).toBe('~0.004, guess from the weight alone');
  });

  it('is cut to what fits', () => {
    expect(fitText('convolution', 200)).toBe('convolution');
    expect(fitText('convolution', 45)).toBe('convol…');
    expect(fitText('convolution', 15)).toBe('');
  });
});

describe('bitWidths(rows)', () => {
  const predicted = (bytes: number, scheme = 'w8a8', planned = scheme) => ({ bytes, scheme, planned });
  const mixed: readonly ViewRow[] = [
    viewRow('a', { parameters: 100, bytes: 400, predicted: predicted(110) }),
    viewRow('b', { parameters: 50, bytes: 200, scheme: 'w8,tensor', predicted: predicted(55, 'w8,tensor') }),
    viewRow('c', { parameters: 20, bytes: 80, scheme: 'lut16', predicted: predicted(30, 'lut16') }),
    viewRow('d', { parameters: 10, bytes: 40, scheme: 'float', predicted: predicted(40, 'float') }),
    viewRow('e', {
      parameters: 8,
      bytes: 32,
      scheme: 'w4,block:32',
      predicted: predicted(8, 'fp16', 'w4,block:32'),
    }),
    viewRow('f', { parameters: 6, bytes: 6, quantizable: false, stored: storedFormat('int8') }),
    viewRow('g', { parameters: 5, bytes: 20, shared: { parameters: 5, bytes: 20 } }),
    viewRow('bn', { isLayer: false, weight: null, parameters: 4, bytes: 16, scheme: 'auto' }),
    viewRow('relu', { isLayer: false, weight: null, parameters: 0, bytes: 0 }),
  ];

  it('counts parameters and bytes by what is written, the widest first, each once', () => {
    expect(bitWidths(mixed)).toEqual([
      { bits: 32, kind: 'float', rows: 1, parameters: 10, before: 40, after: 40 },
      { bits: 16, kind: 'float', rows: 1, parameters: 8, before: 32, after: 8 },
      { bits: 8, kind: 'integer', rows: 3, parameters: 156, before: 606, after: 171 },
      { bits: 4, kind: 'codebook', rows: 1, parameters: 20, before: 80, after: 30 },
      { bits: null, kind: 'constants', rows: 1, parameters: 4, before: 16, after: 16 },
    ]);
  });

  it('has no bytes where the figure is of another plan', () => {
    const [changed] = bitWidths([viewRow('a', { scheme: 'w4', predicted: predicted(110) })]);
    expect(changed).toMatchObject({ bits: 4, kind: 'integer', after: null });
    expect(widthTotals(bitWidths([viewRow('a')])).after).toBeNull();
  });

  it.each([
    ['pow2-5', 5],
    ['pow2-15', 4],
    ['u3', 3],
    ['lut2', 1],
    ['lut200', 8],
  ])('takes %s for a codebook of %i bits', (scheme, bits) => {
    expect(bitWidths([viewRow('a', { scheme })])).toMatchObject([{ bits, kind: 'codebook' }]);
  });

  it('is drawn as the golden picture, with a table', async () => {
    const widths = bitWidths(mixed);
    const markup = renderMarkup(<BitWidthChart widths={widths} width={260} />);
    await expect(markup).toMatchFileSnapshot('../charts/bitWidths.svg');
    const table = renderMarkup(<BitWidthTable widths={widths} />);
    expect(table.match(/<th scope="row"/g)).toHaveLength(widths.length);
    expect(bitWidthSummary(widths)).toContain('8-bit integer 78.8 % of the parameters, 171 B');
    expect(bitWidthSummary([])).toBe('Parameters by bit width: there are none.');
    expect(renderMarkup(<BitWidthChart widths={[]} width={260} />)).not.toMatch(/NaN/);
  });
});
