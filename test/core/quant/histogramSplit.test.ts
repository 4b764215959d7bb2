import { describe, expect, it } from 'vitest';
import { withOutputs } from '../../../src/core/calibrate/instrument';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { integerGrid, tableGrid } from '../../../src/core/quant/errorGrid';
import { exactError } from '../../../src/core/quant/errorSplit';
import { StreamingHistogram } from '../../../src/core/quant/histogram';
import { histogramError, histogramSplit } from '../../../src/core/quant/histogramSplit';
import type { RangeTarget } from '../../../src/core/quant/ranges';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { openModelData } from '../../../src/engine/methods/modelData';
import { normalNoise } from '../../support/random';
import { runtime } from '../../support/runtime';
import { sharedModel } from '../../support/sharedModels';

function streamed(...parts: readonly Float32Array[]): StreamingHistogram {
  const histogram = new StreamingHistogram('value');
  for (const part of parts) histogram.add(part);
  return histogram;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * The worst share of the error, or of what evenly spread values would have, by which clipping, rounding or their sum is off,
 * at every 7th threshold from the widest.
 */
function worstDeviation(parts: readonly Float32Array[], target: RangeTarget): number {
  const histogram = streamed(...parts);
  const values = joined(parts);
  const filled = histogram.count - histogram.zeros;
  const { thresholds, clipping, rounding } = histogramSplit(histogram, target, { rules: [] });
  const { min, max } = histogram;
  const family = integerGrid(target.type, { symmetric: target.symmetric, within: { min, max } });
  let worst = 0;
  for (let i = thresholds.length - 1; i >= 0; i -= 7) {
    const grid = family.at(thresholds[i] ?? NaN);
    if (grid.kind !== 'even') throw new Error('not integers');
    const exact = exactError(values)(grid);
    // A picture whose 256 values all stand on codes has no error of which there could be a share.
    const spread = (filled * grid.step ** 2) / 12;
    const total = Math.max(exact.clipping + exact.rounding, spread);
    const [c, r] = [clipping[i] ?? NaN, rounding[i] ?? NaN];
    const deviations = [c - exact.clipping, r - exact.rounding, c + r - exact.clipping - exact.rounding];
    worst = Math.max(worst, ...deviations.map((deviation) => Math.abs(deviation) / total));
  }
  return worst;
}

const targets: readonly RangeTarget[] = [
  { type: 'uint8', symmetric: false },
  { type: 'int8', symmetric: true },
  { type: 'uint16', symmetric: false },
];

describe('histogramSplit(histogram, target)', () => {
  it.each(targets)('finds the errors of $type within 2 %% of the exact ones', (target) => {
    const noise = normalNoise(60_000, 2);
    const cases = [
      [noise],
      [noise.map((x) => Math.max(0, x))],
      [noise.map((x) => Math.exp(2 * x))],
      [noise, Float32Array.of(-40, 25)],
    ];
    for (const parts of cases) expect(worstDeviation(parts, target)).toBeLessThan(0.02);
  });

  it('counts the codes that are used, within one in a hundred', () => {
    const values = normalNoise(60_000, 5).map((x) => Math.max(-0.5, x));
    const histogram = streamed(values);
    const { thresholds, codes } = histogramSplit(
      histogram,
      { type: 'uint8', symmetric: false },
      { rules: [] },
    );
    const { min, max } = histogram;
    const family = integerGrid('uint8', { symmetric: false, within: { min, max } });
    for (const i of [10, 40, 63]) {
      const { codes: exact } = exactError(values)(family.at(thresholds[i] ?? NaN));
      expect(Math.abs((codes[i] ?? NaN) - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.01));
    }
  });

  it('puts its markers where the rules put the range', () => {
    const histogram = streamed(normalNoise(60_000, 4).map((x) => Math.max(0, x)));
    const { markers, thresholds } = histogramSplit(histogram, { type: 'uint8', symmetric: false });
    const at = new Map(markers.map(({ rule, threshold }) => [rule, threshold]));
    expect(at.get('max')).toBe(histogram.max);
    expect(thresholds.at(-1)).toBe(histogram.max);
    const sizes = ['percentile:99.9', 'percentile:99.99', 'percentile:99.999', 'max'] as const;
    const kept = sizes.map((rule) => at.get(rule) ?? NaN);
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    expect(at.get('mse')).toBeLessThanOrEqual(histogram.max);
    expect(at.get('entropy')).toBeGreaterThan(1);
  });

  it('counts every |x| in the histogram that is shown', () => {
    const { histogram } = histogramSplit(streamed(Float32Array.of(0, 0, 1, -2, 4, 4)), {
      type: 'int8',
      symmetric: true,
    });
    expect(histogram.counts.reduce((a, b) => a + b, 0)).toBeCloseTo(6, 9);
    expect([histogram.counts[0], histogram.counts.at(-1)]).toEqual([2, 2]);
    expect(histogram.edges.at(-1)).toBe(4);
  });

  it('takes a value that is always zero, and refuses one without elements', () => {
    const target = { type: 'int8', symmetric: true } as const;
    expect(histogramSplit(streamed(new Float32Array(5)), target)).toMatchObject({
      thresholds: [],
      energy: 0,
    });
    expect(() => histogramSplit(streamed(), target)).toThrow(/no elements/);
  });
});

describe('histogramError(histogram, grid)', () => {
  it('integrates over tables too', () => {
    const values = normalNoise(60_000, 6);
    const grid = tableGrid([-1, -0.4, -0.1, 0, 0.05, 0.3, 0.9]).at(2);
    const exact = exactError(values)(grid);
    const estimate = histogramError(streamed(values), grid);
    expect(estimate.clipping / exact.clipping).toBeCloseTo(1, 2);
    expect(estimate.rounding / exact.rounding).toBeCloseTo(1, 2);
  });

  it('takes values that are all the same, beyond the grid and on it', () => {
    const grid = integerGrid('int8', { symmetric: true }).at(1.27);
    const histogram = streamed(Float32Array.of(2, 2, 2));
    expect(histogramError(histogram, grid).clipping).toBeCloseTo(3 * 0.73 ** 2, 5);
    expect(histogramError(streamed(new Float32Array(4)), grid)).toEqual({ clipping: 0, rounding: 0 });
  });
});

describe('on activations of real models', () => {
  const models: readonly (readonly [model: string, data: string])[] = [
    ['mnist/mnist_cnn.onnx', 'mnist/calibration.npz'],
    ['cifar10_resnet18/model.onnx', 'cifar10_resnet18/calibration.npz'],
    ['cifar10_mobilenetv2/model.onnx', 'cifar10_mobilenetv2/calibration.npz'],
    ['unet/model.onnx', 'unet/calibration.npz'],
    ['squeezenet/fp32.onnx', 'imagenet250'],
  ];
  it.each(models)('is within 2 %% of the exact errors: %s', async (model, data) => {
    const [file, folder] = [sharedModel(model), sharedModel(data)];
    if (file === undefined || folder === undefined) return;
    const { activations, inputs } = await activationsOf(file, folder);
    expect(activations.size).toBeGreaterThan(5);
    for (const [name, parts] of activations) {
      const isInside = !inputs.has(name) && parts.reduce((sum, part) => sum + part.length, 0) > 40_000;
      for (const target of targets) {
        // Steps of 16 bits are finer than the bins: what few values or those of pictures do there is chance.
        if (target.type === 'uint16' && !isInside) continue;
        expect([name, worstDeviation(parts, target)]).toEqual([
          name,
          expect.toSatisfy((d: number) => d < 0.02),
        ]);
      }
    }
  });
});

/** The input and about ten values along the depth, of two samples. */
async function activationsOf(
  file: string,
  data: string,
): Promise<{ activations: Map<string, Float32Array[]>; inputs: ReadonlySet<string> }> {
  const opened = await openModelFile(file);
  try {
    const { dataSet } = await openModelData({ data }, opened.model);
    const ops = new Set(['Conv', 'Relu', 'Clip', 'Gemm', 'Add', 'Concat', 'ConvTranspose']);
    const computed = indexGraph(opened.model).nodes.flatMap(({ node }) =>
      ops.has(node.opType) ? node.output.slice(0, 1) : [],
    );
    const stride = Math.ceil(computed.length / 10);
    const names = computed.filter((_, at) => at % stride === 0);
    const found = new Map<string, Float32Array[]>();
    const session = await runtime.openModel(withOutputs(opened.model, names), { optimization: 'none' });
    for (const at of [0, 1]) {
      const { feeds } = await dataSet.sample(at);
      for (const [name, { type, data: numbers }] of Object.entries({
        ...feeds,
        ...(await session.run(feeds, names)),
      })) {
        if (type !== 'float32') continue;
        found.set(name, [...(found.get(name) ?? []), Float32Array.from(numbers as Float32Array)]);
      }
    }
    await session.release();
    return { activations: found, inputs: new Set(opened.model.graph?.input.map(({ name }) => name)) };
  } finally {
    await opened.close();
  }
}
