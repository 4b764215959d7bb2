import { describe, expect, it } from 'vitest';
import type { LayerComparison, LayerDifference, OutputDetails } from '../../src/core/compareResults';
import type { CompareResult } from '../../src/core/results';
import { compareReport, type Comparison } from '../../src/extension/commands/compareReport';
import { outputDetails } from '../support/outputDetails';

const result: CompareResult = {
  a: '/m/float.onnx',
  b: '/m/int8.onnx',
  slice: 'verify',
  samples: 600,
  outputs: [
    {
      name: 'a|b`c',
      sqnrDb: null,
      cosine: 1,
      maxAbs: 0,
      top1: { agreement: 0.998, a: 0.9765, b: null },
    },
  ],
  latencyMs: { a: 2, b: 1 },
  peakMemoryBytes: { a: 1e8, b: 5e7 },
  bytes: { a: 2e6, b: 5e5 },
  deflatedBytes: { a: 1.8e6, b: 4e5 },
  notes: [],
};

const db = (sqnrDb: number | null) => ({ sqnrDb, nmse: 0, cosine: 1, maxAbs: 0 });
const layer = (name: string, local: number | null, accumulated: number | null): LayerDifference => ({
  layer: name,
  op: 'Conv',
  a: { nodes: [name], value: name },
  b: { nodes: [name], value: name },
  local: db(local),
  accumulated: db(accumulated),
});
const layers: LayerComparison = {
  a: '/m/float.onnx',
  b: '/m/int8.onnx',
  slice: 'verify',
  samples: 32,
  simulated: true,
  layers: [layer('conv|1', 41.26, 41.26), layer('conv_2', 30, 25), layer('same', null, 60)],
  unmatched: { a: [{ layer: 'gone', reason: 'It is not in the other model.' }], b: [] },
};
const comparison: Comparison = { result, layers, data: '/data/test.npz', isPlan: false, notes: [] };

const withDetails = (details: Partial<OutputDetails>): Comparison => ({
  ...comparison,
  result: {
    ...result,
    outputs: [
      {
        name: 'logits',
        sqnrDb: 30,
        cosine: 1,
        maxAbs: 0.1,
        details: outputDetails(details),
      },
    ],
  },
});

/** The first chart in a document, decoded. */
function chartOf(report: string): string {
  const data = /^\[figure-1\]: data:image\/svg\+xml;base64,(\S+)$/m.exec(report)?.[1];
  return Buffer.from(data ?? '', 'base64').toString('utf8');
}

const best = { a: [], b: [] };

describe('compareReport', () => {
  it('keeps names of the model inside their cells and out of the markup', () => {
    const report = compareReport(comparison);
    expect(report).toMatch(/^# float\.onnx against int8\.onnx\n/);
    expect(report).toContain('| a\\|b\\`c | exact | 1.000000 | 0 |');
    expect(report).toContain('600 samples of the verify slice from test.npz');
    expect(report).toContain('| a\\|b\\`c | top-1 | 99.8 % | 97.7 % | – |');
    expect(report).toContain('| File | 2.00 MB | 500 kB | 0.25 × |');
  });

  it('says when inputs were random, and when B is not kept', () => {
    expect(compareReport({ ...comparison, data: 'random' })).toContain('**random inputs**');
    const planned = compareReport({ ...comparison, isPlan: true, notes: ['fc: Stays float.'] });
    expect(planned).toMatch(/^# float\.onnx against its plan\n/);
    expect(planned).toContain('B is what the plan makes of it (int8.onnx, not kept)');
    expect(planned).toContain('## Notes\n\n- fc: Stays float.');
  });

  it('names samples whose class changes, and who is right', () => {
    const flips = [
      { sample: 7, a: 1, b: 2, label: 1, best },
      { sample: 9, position: 3, a: 4, b: 5, label: 6, best },
    ];
    const report = compareReport(withDetails({ flips, flipCount: 2, classNames: { 5: 'a|b' } }));
    expect(report).toContain('2 of 600 (0.3 %).');
    expect(report).toContain('| 7 | 1 | 2 | 1 | A |');
    expect(report).toContain('| 9, position 3 | 4 | a\\|b (5) | 6 | neither |');
    expect(compareReport(withDetails({}))).toContain('## Classes that change\n\nNone of 600.');
  });

  it('says how many of the changes it leaves out', () => {
    const flips = Array.from({ length: 500 }, (_, sample) => ({ sample, a: 1, b: 2, label: null, best }));
    const report = compareReport(withDetails({ flips, flipCount: 555 }));
    expect(report).toContain('555 of 600 (92.5 %); the first 30 are shown.');
    expect(report).toContain('| 29 | 1 | 2 |');
    expect(report).not.toContain('| 30 | 1 | 2 |');
  });

  it('tells mistakes of both models by label', () => {
    const confusion = {
      labelled: 600,
      kinds: 2,
      mistakes: [
        { label: 4, predicted: 9, a: 3, b: 8 },
        { label: 2, predicted: 7, a: 0, b: 1 },
      ],
    };
    const report = compareReport(withDetails({ confusion }));
    expect(report).toContain('Mistakes among 600 with a label.');
    expect(report).toContain('| 4 | 9 | 3 | 8 |\n| 2 | 7 | 0 | 1 |');
    const more = compareReport(withDetails({ confusion: { ...confusion, kinds: 3 } }));
    expect(more).toContain('Mistakes among 600 with a label, the 2 most frequent kinds.');
  });

  it('shows the class scores of a sample', () => {
    const [output] = result.outputs;
    if (!output) throw new Error('no output');
    const sample = {
      index: 0,
      a: [{ class: 7, score: 12.5, probability: 0.9 }],
      b: [{ class: 3, score: 11, probability: 0.8 }],
    };
    const report = compareReport({ ...comparison, result: { ...result, outputs: [{ ...output, sample }] } });
    expect(report).toContain('## Class scores, sample 0');
    expect(report).toContain('| 1 | 7 | 12.5 | 3 | 11 |');
  });

  it('has a chart and a table of layers in their order, and names those that lose most alone', () => {
    const report = compareReport(comparison);
    expect(report).toContain('Alone lose most: conv_2 (30.0 dB), conv\\|1 (41.3 dB).');
    expect(report).toContain(
      '| conv\\|1 | Conv | 41.3 dB | 41.3 dB |\n| conv_2 | Conv | 30.0 dB | 25.0 dB |\n| same | Conv | exact | 60.0 dB |',
    );
    expect(report).toContain('- gone: It is not in the other model.');
    expect(report).toContain('![Error by layer][figure-1]');
    expect(chartOf(report)).toMatch(/^<svg [^]*conv\|1, alone: 41\.3 dB/);
  });

  it('draws charts for the theme, whatever the system prefers', () => {
    expect(chartOf(compareReport(comparison, { dark: true }))).toContain('@media all {');
    expect(chartOf(compareReport(comparison, { dark: false }))).toContain('@media not all {');
  });

  it('shows the worst of very many layers, in their order', () => {
    const many = Array.from({ length: 1000 }, (_, at) => layer(`n${at}`, at % 2 ? 20 : 50, 60));
    const report = compareReport({ ...comparison, layers: { ...layers, layers: many } });
    expect(report).toContain('The 500 of 1000 with the least SQNR are shown.');
    expect(report).toContain('| n1 | Conv | 20.0 dB | 60.0 dB |\n| n3 | Conv | 20.0 dB | 60.0 dB |');
    expect(report).not.toContain('| n2 |');
  });

  it('says why layers were not compared', () => {
    const report = compareReport({ ...comparison, layers: { reason: 'No layer has a counterpart.' } });
    expect(report).toContain('## Layers\n\nNot compared. No layer has a counterpart.');
  });
});
