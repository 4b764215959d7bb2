import { describe, expect, it } from 'vitest';
import type {
  DataSummary,
  PresetFigure,
  QuantizedLayer,
  QuantizeResult,
  RewriteResult,
  ScanResult,
} from '../../src/core/results';
import type { SearchResult } from '../../src/core/searchResults';
import {
  describeCleared,
  describeData,
  describePreset,
  describeQuantized,
  describeRewritten,
  describeScan,
  describeSearch,
} from '../../src/extension/commands/messages';

const data: DataSummary = {
  data: '/data/test.npz',
  kind: 'npz',
  samples: 2000,
  slices: { calibrate: 1000, scan: 400, verify: 600 },
  seed: 0,
  inputs: [{ name: 'x', dtype: 'float', shape: [1, 28, 28], min: 0, max: 1 }],
  labels: 'class',
  predictions: [{ sample: 0, output: 'logits', class: 7, score: 12.345, label: 7 }],
  accuracy: { samples: 32, top1: 0.96875 },
  notes: [],
};

const quantized: QuantizeResult = {
  output: '/m/mnist.w8a8.onnx',
  bytes: { before: 1_951_118, after: 497_213 },
  layers: [],
  totals: { quantized: 5, float: 0, bytesBefore: 1, bytesAfter: 1 },
  verification: { slice: 'verify', samples: 600, outputs: [{ name: 'logits', sqnrDb: 35.43 }] },
  notes: [],
  seconds: 2,
};

describe('describeData', () => {
  it('tells shape, range, accuracy and slices', () => {
    expect(describeData(data).sentence).toBe(
      'test.npz: 2,000 samples, x float 1×28×28 in 0…1. Float top-1 on 32 samples: 96.9 %. Slices (seed 0): 1000 calibrate, 400 scan, 600 verify.',
    );
  });

  it('tells what is to be known of the data', () => {
    const { sentence } = describeData({ ...data, notes: ['Numbers were moved.'] });
    expect(sentence).toMatch(/600 verify\. Numbers were moved\.$/);
  });

  it('shows predictions where there are no labels', () => {
    const sentence = describeData({ ...data, accuracy: null, data: 'random' }).sentence;
    expect(sentence).toContain('Random inputs: 2,000 samples');
    expect(sentence).toContain('Float predicts class 7.');
  });
});

describe('describeQuantized', () => {
  it('tells size before and after, and the error as run', () => {
    expect(describeQuantized(quantized)).toBe(
      'Wrote mnist.w8a8.onnx: 1.95 MB → 497 kB (25.5 %), 5 layers quantized, 0 float. Output SQNR against float on 600 samples of the verify slice, as run: logits 35.4 dB.',
    );
  });

  it('says when the data was random, and with it the error', () => {
    const calibration = { data: 'random', samples: 32, seed: 1 };
    const text = describeQuantized({ ...quantized, calibration });
    expect(text).toContain('Calibrated with random inputs: figures will not hold for real data.');
    expect(text).toContain('on 600 random samples of the verify slice');
  });

  it('never sounds as if it had been run when it was not', () => {
    expect(describeQuantized({ ...quantized, verification: null })).toContain(
      'not run, so its error is unknown',
    );
  });
});

describe('describeQuantized(recovered)', () => {
  const recovered: QuantizeResult['recovered'] = {
    steps: ['gptq', 'refit'],
    samples: { fit: 56, judge: 8, heldOut: true },
    beforeDb: 12.34,
    afterDb: 20,
    layers: [{ name: 'a', rule: 'gptq', beforeDb: 10, afterDb: 20, tried: [] }],
  };

  it('tells what was won on samples held out', () => {
    expect(describeQuantized({ ...quantized, recovered })).toContain(
      ' GPTQ and scale refit: output 12.3 dB → 20.0 dB on 8 samples held out. ',
    );
    expect(describeQuantized({ ...quantized, recovered: { ...recovered, layers: [] } })).not.toContain(
      'GPTQ',
    );
    const few = { ...recovered, samples: { fit: 3, judge: 3, heldOut: false } };
    expect(describeQuantized({ ...quantized, recovered: few })).toContain(
      '20.0 dB on 3 samples, too few to hold any out. ',
    );
    // Which looks at no layer by itself.
    const evened = { ...recovered, steps: ['equalize' as const], layers: [] };
    expect(describeQuantized({ ...quantized, recovered: evened })).toContain('Equalization: output 12.3 dB');
  });
});

describe('describeQuantized(labels)', () => {
  const layer = (name: string, scheme: string, bias?: string): QuantizedLayer => ({
    name,
    scheme,
    bits: 8,
    signed: true,
    granularity: 'per-channel',
    ...(bias !== undefined && { bias }),
    weightSse: null,
    weightSqnrDb: null,
    uniqueBefore: null,
    uniqueAfter: null,
    bytesBefore: 100,
    bytesAfter: 25,
  });

  it('counts what schemes do not give, and knows the operators that are fast', () => {
    const layers = [
      layer('conv', 'w8a8', 'int32'),
      layer('up', 'w8a8', 'int32'),
      layer('fc', 'w4'),
      layer('out', 'float'),
    ];
    const ops = new Map([
      ['conv', 'Conv'],
      ['up', 'ConvTranspose'],
    ]);
    expect(describeQuantized({ ...quantized, layers }, ops)).toContain(
      'No speed-up: 2 layers; needs compensation: 1 layer.',
    );
    const fast = [layer('conv', 'w8a8', 'int32'), layer('out', 'float')];
    expect(describeQuantized({ ...quantized, layers: fast }, ops)).not.toMatch(/speed-up|needs/);
  });
});

describe('describePreset', () => {
  const figure = (layer: string, format: string, sqnrDb: number | null): PresetFigure => ({
    layer,
    format,
    measured: 'output',
    sqnrDb,
    bytes: 1000,
  });

  it('counts formats, names the layer that loses most, and leaves the rest to the log', () => {
    const figures = [figure('a', 'w4', 20), figure('b', 'w4', 12.5), figure('c', 'float', 3)];
    const { sentence, details } = describePreset(
      'hybrid',
      ['w4', 'w4', 'float'],
      figures,
      ['A note.'],
      false,
    );
    expect(sentence).toBe(
      'Preset hybrid: 2 × w4; 1 × float. The layer that loses most is b: SQNR 12.5 dB at its output. 1 note in the log.',
    );
    expect(details).toEqual([
      'a: w4, 1.00 kB, SQNR 20.0 dB at its output',
      'b: w4, 1.00 kB, SQNR 12.5 dB at its output',
      'c: float, 1.00 kB, would have SQNR 3.0 dB at its output',
      'A note.',
    ]);
  });

  it('counts schemes when there are many formats, and says when inputs were random', () => {
    const formats = ['w4,tensor', 'w4,channel', 'w4,block:64', 'lut16,channel'];
    const { sentence } = describePreset('selective', formats, [figure('a', 'w4,tensor', null)], [], true);
    expect(sentence).toBe(
      'Preset selective: 3 × w4, 1 × lut16. Measured with random inputs: the choice may not suit real data.',
    );
  });
});

describe('describeScan', () => {
  it('counts failures apart', () => {
    const candidate = { scheme: 'w8a8', localSqnrDb: null, bytes: 1 };
    const candidates = [
      { ...candidate, layer: 'a', sensitivity: 0.1 },
      { ...candidate, layer: 'b', sensitivity: null, error: 'crashed' },
    ];
    const scan: Omit<ScanResult, 'candidates'> = {
      metric: 'kl',
      slice: 'scan',
      samples: 8,
      trials: 8,
      seconds: 3.21,
      preparationSeconds: 1.5,
      trialSeconds: 1,
      floatPassSeconds: 1,
      keptBytes: 0,
      partial: false,
      notes: [],
    };
    expect(describeScan({ ...scan, candidates }, 'test.npz')).toBe(
      '1 layer measured as w8a8 on 8 samples of the scan slice in 3.2 s. 1 of 2 candidates failed.',
    );
    const more = [...candidates, { ...candidate, scheme: 'w4', layer: 'a', sensitivity: 0.2 }];
    expect(describeScan({ ...scan, candidates: more, partial: true }, 'test.npz')).toBe(
      'Stopped: 1 layer measured in 2 formats on 8 samples of the scan slice in 3.2 s. 1 of 3 candidates failed.',
    );
    expect(describeScan({ ...scan, candidates }, 'random')).toContain('as w8a8 on 8 random samples of');
  });
});

describe('describeSearch', () => {
  const verified = {
    slice: 'verify',
    samples: 64,
    error: 0.00213,
    standardError: null,
    sqnrDb: 31.24,
    agreement: 0.992,
    accuracy: { float: 0.974, plan: 0.971 },
  } as const;
  const chosen = {
    bytes: 780_000,
    bops: null,
    latencyMs: null,
    floatLayers: 1,
    predicted: 0.0015,
    verified,
    layers: {},
  };
  const found: SearchResult = {
    goal: { kind: 'budget', cost: 'bytes', most: 0.4, ratio: true },
    metric: 'kl',
    float: { bytes: 2_000_000, bops: null, latencyMs: null },
    front: [],
    chosen,
    met: true,
    curve: null,
    rounds: 0,
    trials: 8,
    seconds: 3,
    partial: false,
    notes: [],
  };

  it('tells bytes and error of a plan that meets the goal', () => {
    expect(describeSearch(found)).toBe(
      'Found a plan with at most 40.0 % of the bytes: 780 kB (39.0 % of the float model). Verified on 64 samples of the verify ' +
        'slice, as run: KL divergence 0.00213, SQNR 31.2 dB, agreement 99.2 %, accuracy 97.1 % (float 97.4 %).',
    );
  });

  it('tells the latency where it was measured', () => {
    const float = { ...found.float, latencyMs: 2.5 };
    const sentence = describeSearch({ ...found, float, chosen: { ...chosen, latencyMs: 1.234 } });
    expect(sentence).toMatch(/, latency 1\.23 ms \(float 2\.5 ms\)\.$/);
  });

  it('says when none does, what was left in the log, and that the inputs were random', () => {
    const goal = { kind: 'cap', error: 'sqnr', limit: 40, cost: 'bytes' } as const;
    const calibration = { data: 'random', samples: 16, seed: 1 };
    const plain = { ...chosen, verified: { ...verified, agreement: null, accuracy: null } };
    const sentence = describeSearch({
      ...found,
      goal,
      metric: 'nmse',
      met: false,
      calibration,
      chosen: plain,
      notes: ['A plan could not be run.'],
    });
    expect(sentence).toBe(
      'No plan found with an SQNR from 40 dB. The closest takes 780 kB (39.0 % of the float model). Verified on 64 samples of ' +
        'the verify slice, as run: NMSE 0.00213, SQNR 31.2 dB. Searched with random inputs: figures will not hold for real ' +
        'data. 1 note in the log.',
    );
  });

  it('never sounds as if a plan had been run when it was not', () => {
    const sentence = describeSearch({
      ...found,
      met: false,
      partial: true,
      chosen: { ...chosen, verified: null },
    });
    expect(sentence).toBe(
      'Search stopped: the best plan so far takes 780 kB (39.0 % of the float model); the goal was at most 40.0 % of the bytes. ' +
        "It was not run: KL divergence 0.0015 is the sum of its layers' alone.",
    );
  });
});

describe('describeCleared', () => {
  it('tells what was freed', () => {
    expect(describeCleared({ files: 2, bytes: 1_200_000 })).toBe(
      'Cached results cleared: 1.20 MB freed. What is shown stays.',
    );
    expect(describeCleared({ files: 0, bytes: 0 })).toBe('There were no cached results.');
  });
});

describe('describeRewritten', () => {
  const result: RewriteResult = {
    output: '/m/mnist.float16.onnx',
    pass: 'float16',
    bytes: { before: 2_000_000, after: 1_000_000 },
    changed: 1,
    notes: ['a: Stays float32.'],
    seconds: 1,
  };

  it('tells what was changed and how large the file is', () => {
    expect(describeRewritten(result)).toBe(
      'Wrote mnist.float16.onnx: 1 node in half precision, 2.00 MB → 1.00 MB (50.0 %). 1 note in the log.',
    );
    const folded = describeRewritten({ ...result, pass: 'fold-batch-norm', changed: 1052, notes: [] });
    expect(folded).toContain(': 1,052 nodes folded, 2.00 MB');
    expect(folded).not.toContain('note');
  });
});
