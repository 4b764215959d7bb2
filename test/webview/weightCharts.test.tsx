import { describe, expect, it } from 'vitest';
import type {
  ChannelBoxes,
  ChannelErrorColumns,
  Differences,
  StepSizes,
  WeightSlice,
} from '../../src/core/inspectorResults';
import { channelErrorRows, errorText } from '../../webview/charts/channelErrorRows';
import { ChannelErrorsChart, ChannelErrorsTable } from '../../webview/charts/ChannelErrorsChart';
import { channelRows, channelText, decidingText, stepsText } from '../../webview/charts/channelRows';
import { ChannelsChart, ChannelsTable } from '../../webview/charts/ChannelsChart';
import { CodebookChart, CodebookTable, powerText } from '../../webview/charts/CodebookChart';
import { CodesChart, CodesTable, codesText, unusedRuns } from '../../webview/charts/CodesChart';
import { DifferenceHistogram, differencesText } from '../../webview/charts/DifferenceHistogram';
import { HeatMap, HeatTable } from '../../webview/charts/HeatMap';
import { HistogramTable, WeightHistogram } from '../../webview/charts/WeightHistogram';
import { renderMarkup } from '../support/renderMarkup';

/** Six channels of which the third is twice as wide as any other; the numbers are made up. */
const channels: ChannelBoxes = {
  axis: 0,
  channels: 6,
  perRow: 1,
  min: [-0.4, -0.2, -0.9, 0, -0.3, -0.1],
  low: [-0.35, -0.15, -0.5, 0, -0.25, -0.05],
  median: [0, 0.01, -0.1, 0, 0, 0.1],
  high: [0.3, 0.2, 0.4, 0, 0.35, 0.3],
  max: [0.35, 0.25, 0.5, 0, 0.4, 0.45],
  deciding: [
    { channel: 2, magnitude: 0.9, without: 0.45 },
    { channel: 5, magnitude: 0.45, without: 0.4 },
    { channel: 0, magnitude: 0.4, without: 0.4 },
  ],
};
const steps: StepSizes = {
  bits: 4,
  perTensor: 0.9 / 7,
  perChannel: [0.4, 0.25, 0.9, 0, 0.4, 0.45].map((magnitude) => magnitude / 7),
  gainDb: 5.25,
};
const histogram = { edges: [-1, -0.5, 0, 0.5, 1], counts: [2, 30, 0, 8] };

/** The second channel is clipped, the third is exact. */
const errors: ChannelErrorColumns = {
  axis: 0,
  channels: 4,
  perRow: 1,
  first: [0, 1, 2, 3],
  energy: [10, 10, 10, 0],
  clipping: [0, 3, 0, 0],
  rounding: [1, 0.5, 0, 0.5],
};
const differences: Differences = {
  histogram: { edges: [-0.3, -0.1, 0.1, 0.3], counts: [4, 20, 6] },
  beyond: 2,
  greatest: 1.25,
};

const slice: WeightSlice = {
  layer: 'conv',
  weight: 'conv.<weight>',
  values: 'stored',
  shape: [4, 3, 3],
  axes: [0, 1],
  index: [2],
  rows: 4,
  columns: 3,
  rowsPerCell: 2,
  columnsPerCell: 1,
  reduce: 'mean',
  cells: [
    [0.5, -1, 0],
    [null, 0.25, -0.5],
  ],
  min: -1.5,
  max: 0.75,
};

/** As many channels as there are, with ranges that grow. */
function many(count: number): ChannelBoxes {
  const grow = (factor: number): number[] => Array.from({ length: count }, (_, at) => factor * (at + 1));
  return {
    ...channels,
    channels: 2 * count,
    perRow: 2,
    min: grow(-1),
    low: grow(-0.5),
    median: grow(0),
    high: grow(0.5),
    max: grow(1),
    deciding: [{ channel: 2 * count - 1, magnitude: count, without: count }],
  };
}

describe('the charts of a weight', () => {
  it('label what is far from zero with all the digits that it takes', () => {
    const far = { edges: [2500, 2507.5, 2515, 2520], counts: [1, 2, 1] };
    const rest = { mean: 2510, standardDeviation: 5, weight: 'w', min: 2500, max: 2520 };
    const svg = renderMarkup(<WeightHistogram statistics={{ histogram: far, ...rest }} />);
    for (const label of ['2500', '2505', '2510', '2515', '2520'])
      expect(svg).toMatch(new RegExp(`>\\s*${label}\\s*<`));
    expect(renderMarkup(<HistogramTable histogram={far} />)).toMatch(/>\s*2507\.5\s*</);
    const tiny = { ...channels, max: [1.2e-5, 0, 0, 0, 0, 0], min: Array<number>(6).fill(0) };
    const boxes = renderMarkup(
      <ChannelsChart channels={{ ...tiny, deciding: [] }} steps={null} isSorted={false} />,
    );
    expect(boxes).toMatch(/>\s*1\.2e-5\s*</);
  });

  it.each([
    [
      'weightHistogram',
      <WeightHistogram
        statistics={{
          histogram,
          mean: -0.1,
          standardDeviation: 0.3,
          weight: 'conv.<weight>',
          min: -1,
          max: 1,
        }}
      />,
    ],
    ['channels', <ChannelsChart channels={channels} steps={steps} isSorted={false} />],
    ['channelsSorted', <ChannelsChart channels={channels} steps={steps} isSorted />],
    ['channelBands', <ChannelsChart channels={many(80)} steps={null} isSorted={false} />],
    ['codes', <CodesChart codes={{ possible: 8, used: 5, first: -4, counts: [0, 0, 3, 9, 12, 0, 4, 1] }} />],
    [
      'codebook',
      <CodebookChart
        codebook={{
          tables: [[-0.5, -0.25, 0, 0.25, 0.5]],
          groups: 1,
          scales: { count: 6, min: 0.5, max: 1.5 },
          exponents: [-2, -1],
        }}
        histogram={histogram}
      />,
    ],
    [
      'codebooks',
      <CodebookChart
        codebook={{
          tables: [
            [-0.8, 0.6],
            [-0.4, 0.9],
          ],
          groups: 2,
          scales: null,
          exponents: null,
        }}
        histogram={histogram}
      />,
    ],
    ['heatMap', <HeatMap slice={slice} />],
    ['channelErrors', <ChannelErrorsChart columns={errors} isSorted={false} />],
    ['channelErrorsSorted', <ChannelErrorsChart columns={errors} isSorted />],
    ['differences', <DifferenceHistogram differences={differences} />],
  ])('draw the golden picture: %s', async (name, chart) => {
    const markup = renderMarkup(chart);
    expect(markup).not.toMatch(/style=|NaN|Infinity|undefined/);
    await expect(markup).toMatchFileSnapshot(`../charts/${name}.svg`);
  });

  it('draw nothing that is no number where all values are zero', () => {
    const zeros: ChannelBoxes = {
      ...channels,
      min: [0],
      low: [0],
      median: [0],
      high: [0],
      max: [0],
      channels: 1,
      deciding: [{ channel: 0, magnitude: 0, without: 0 }],
    };
    const flat: StepSizes = { bits: 8, perTensor: 0, perChannel: [0], gainDb: null };
    const empty = { edges: [0, 1], counts: [0] };
    const markup = renderMarkup([
      <ChannelsChart channels={zeros} steps={flat} isSorted={false} />,
      <WeightHistogram
        statistics={{
          histogram: empty,
          mean: null,
          standardDeviation: null,
          weight: 'w',
          min: null,
          max: null,
        }}
      />,
      <CodesChart codes={{ possible: 2, used: 0, first: 0, counts: [0, 0] }} />,
    ]);
    expect(markup).not.toMatch(/NaN|Infinity|undefined/);
    expect(decidingText(zeros.deciding)).toBe('All channels are zero.');
    expect(stepsText(flat)).toBe('The weight is zero.');
  });

  it('have table twins with a row for each bin, channel, code and value of a codebook', () => {
    const rows = (markup: string): number => markup.match(/scope="row"/g)?.length ?? 0;
    expect(rows(renderMarkup(<HistogramTable histogram={histogram} />))).toBe(4);
    expect(rows(renderMarkup(<ChannelsTable channels={channels} steps={steps} isSorted />))).toBe(6);
    const heat = renderMarkup(<HeatTable slice={slice} />);
    expect(rows(heat)).toBe(2);
    expect(heat).toContain('none');
    const codes = { possible: 3, used: 2, first: 0, counts: [4, 0, 1] };
    const table = renderMarkup(<CodesTable codes={codes} />);
    expect(rows(table)).toBe(3);
    expect(table).toContain('unused');
    const codebook = { tables: [[-0.125, 0, 0.125]], groups: 1, scales: null, exponents: [-3] };
    expect(renderMarkup(<CodebookTable codebook={codebook} codes={codes} />)).toContain('−2^-3');
  });
});

describe('the channels of a weight', () => {
  it('come in the order of the tensor, or the widest first', () => {
    const order = (isSorted: boolean): number[] =>
      channelRows(channels, steps, isSorted).map(({ first }) => first);
    expect(order(false)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(order(true)).toEqual([2, 5, 0, 4, 1, 3]);
    expect(channelRows(channels, steps, true)[0]).toMatchObject({ magnitude: 0.9, step: 0.9 / 7 });
  });

  it('stand together where there are many, the last ones fewer', () => {
    const odd = { ...many(3), channels: 5 };
    expect(channelRows(odd, null, false).map(channelText)).toEqual(['0–1', '2–3', '4']);
  });

  it('are named when they decide the range of the tensor', () => {
    expect(decidingText(channels.deciding)).toBe(
      'Channel 2 (±0.9) decides the per-tensor range: without it, it would be ±0.45 (50.0 % less). Then come 5 (±0.45), 0 (±0.4).',
    );
    expect(decidingText([{ channel: 0, magnitude: 2, without: 0 }])).toBe(
      'Channel 0 (±2) decides the per-tensor range alone.',
    );
    const close = [
      { channel: 3, magnitude: 1, without: 0.999 },
      { channel: 1, magnitude: 0.999, without: 0.5 },
    ];
    expect(decidingText(close)).toBe(
      'No channel decides the per-tensor range alone. The widest are 3 (±1), 1 (±0.999).',
    );
  });

  it('tell what steps of their own gain', () => {
    expect(stepsText(steps)).toBe(
      'Step at 4 bits: 0.129 per tensor, 0.0357 … 0.129 per channel. Steps per channel make rounding noise 5.3 dB less.',
    );
  });
});

describe('codes', () => {
  it('are counted, and those between that nothing uses are found', () => {
    const codes = { possible: 8, used: 4, first: -4, counts: [0, 0, 3, 9, 0, 1, 1, 0] };
    expect(codesText(codes)).toBe('4 of 8 (50.0 %)');
    expect(unusedRuns(codes)).toEqual([
      [-4, -3],
      [0, 0],
      [3, 3],
    ]);
  });

  it('of powers of two are named by sign and exponent', () => {
    expect([-0.125, 0, 2].map(powerText)).toEqual(['−2^-3', '0', '2^1']);
  });
});

describe('errors by channel', () => {
  it('are shares of the whole, and can be sorted', () => {
    const rows = channelErrorRows(errors, true);
    expect(rows.map(({ first, share }) => [first, share])).toEqual([
      [1, 0.7],
      [0, 0.2],
      [3, 0.1],
      [2, 0],
    ]);
    expect(rows[0]).toMatchObject({ clipping: 0.6, rounding: 0.1 });
    expect(rows.map(({ sqnrDb }) => sqnrDb && Number(sqnrDb.toFixed(2)))).toEqual([4.56, 10, null, null]);
    expect(errorText(errors)).toBe(
      'Clipping makes 60.0 % of the squared error, rounding 40.0 %. Most is in channels 1, 0, 3: 100.0 % in 3 of 4.',
    );
  });

  it('name the channels of an excerpt, and neighbours together', () => {
    expect(channelErrorRows({ ...errors, channels: 40, first: [0, 10, 20, 30] }, false)[1]).toMatchObject({
      first: 10,
      last: 10,
    });
    const joined = channelErrorRows({ ...errors, channels: 7, perRow: 2, first: [0, 2, 4, 6] }, false);
    expect(joined.map(({ first, last }) => [first, last])).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 6],
    ]);
  });

  it('have a table, and a sentence where there are none', () => {
    const markup = renderMarkup(<ChannelErrorsTable columns={errors} isSorted />);
    const cells = [...markup.matchAll(/<t[hd](?: scope="row")?>\s*([^<]*?)\s*<\/t[hd]>/g)].map(
      ([, text]) => text,
    );
    expect(cells.slice(0, 5)).toEqual(['1', '70.0 %', '60.0 %', '10.0 %', '4.6']);
    expect(cells.slice(-6)).toEqual(['none', '2', '0.0 %', '0.0 %', '0.0 %', 'exact']);
    const none = { ...errors, clipping: [0, 0, 0, 0], rounding: [0, 0, 0, 0] };
    expect(errorText(none)).toContain('no channel has an error');
    expect(renderMarkup(<ChannelErrorsChart columns={none} isSorted={false} />)).not.toMatch(/NaN|Infinity/);
  });
});

describe('differences', () => {
  it('say what the picture leaves out', () => {
    expect(differencesText(differences)).toBe('2 values are farther off than ±0.3, up to 1.25.');
    expect(differencesText({ ...differences, beyond: 0 })).toBe('No value is farther off than 1.25.');
    expect(differencesText({ ...differences, greatest: 0 })).toContain('exactly');
  });
});
