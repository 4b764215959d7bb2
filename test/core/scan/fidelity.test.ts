/** Trials of parts of a model give what whole rewritten models give. */
import { afterAll, describe, expect, it } from 'vitest';
import type { OutputDescription } from '../../../src/core/graph/types';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Graph, Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { scan, type ScanSlices } from '../../../src/core/scan/scan';
import { openDataSet } from '../../../src/engine/data/openDataSet';
import { modelInputs } from '../../../src/engine/data/modelInputs';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { outputsOf } from '../../../src/engine/methods/modelOutputs';
import { resolve } from 'node:path';
import { runtime } from '../../support/runtime';
import { sharedModel } from '../../support/sharedModels';
import { samplesFromNpz, sliceOf } from '../../support/slices';
import { conv, image, model, node, samples, weights } from '../rewrite/models';
import { formatIn, wholeTrials } from './wholeTrial';

const plan = { ...defaultPlan, activationRange: 'max' as const };
const formats = ['w8a8', 'w8a16', 'w8', 'w4,block:32', 'lut16', 'lut8,bias:lut8', 'fp16', 'fp16,region'];
const staticFormats = ['w8a8', 'w8a16'];

async function expectSame(
  original: Model,
  slices: ScanSlices,
  outputs: readonly OutputDescription[],
  options: { schemes?: readonly string[]; layers?: readonly string[]; keptBytes?: number } = {},
): Promise<void> {
  const { schemes = formats } = options;
  const { candidates } = await scan(runtime, original, plan, slices, { ...options, schemes, outputs });
  for (const scheme of schemes) {
    const plain = await wholeTrials(original, plan, slices, outputs, formatIn(scheme), options.layers);
    const found = candidates.filter((each) => each.scheme === scheme);
    expect(found.map(({ layer }) => layer)).toEqual([...plain.keys()]);
    for (const { layer, sensitivity, error } of found) {
      expect(error, `${layer} ${scheme}`).toBeUndefined();
      const expected = plain.get(layer) ?? NaN;
      const tolerance = Math.max(1e-9, (staticFormats.includes(scheme) ? 0.02 : 1e-3) * expected);
      expect(Math.abs((sensitivity ?? NaN) - expected), `${layer} ${scheme} ${expected}`).toBeLessThanOrEqual(
        tolerance,
      );
    }
  }
}

function graphOf({ graph }: Model): Graph {
  if (!graph) throw new Error('no graph');
  return graph;
}

function slicesOf(dims: readonly number[]): ScanSlices {
  const all = samples(dims, 12).map((feeds, index) => ({ index, feeds }));
  return { calibrate: sliceOf('calibrate', all.slice(0, 6)), scan: sliceOf('scan', all.slice(6)) };
}

const values = (...names: string[]): OutputDescription[] => names.map((name) => ({ name, kind: 'values' }));

/** Branches that meet again, a second output, a layer whose result is an output and is read as well. */
const forked = model(
  [
    conv('stem', ['x', 'w0'], 'a'),
    node('Relu', 'relu', ['a'], ['b']),
    conv('left', ['b', 'w1'], 'c'),
    conv('right', ['b', 'w2'], 'd'),
    node('Add', 'join', ['c', 'd'], ['e']),
    node('Relu', 'relu2', ['e'], ['f']),
    conv('head', ['f', 'w3'], 'y'),
    node('Neg', 'side', ['c'], ['z']),
  ],
  [
    weights('w0', [4, 3, 3, 3], 1),
    weights('w1', [4, 4, 3, 3], 2),
    weights('w2', [4, 4, 3, 3], 3),
    weights('w3', [2, 4, 3, 3], 4),
  ],
  image,
  ['y', 'z', 'd'],
);

/** A transposed convolution, which has no 8-bit kernel, with a Relu; a convolution whose weight another shares. */
const shared = model(
  [
    conv('first', ['x', 'w', 'bias'], 'a'),
    conv('again', ['a', 'w'], 'b'),
    node('ConvTranspose', 'up', ['b', 'v'], ['c'], {
      strides: { ints: [2, 2] },
      kernel_shape: { ints: [2, 2] },
    }),
    node('Relu', 'relu', ['c'], ['d']),
    node('Concat', 'both', ['d', 'd'], ['e'], { axis: { int: 1 } }),
    conv('last', ['e', 'u'], 'y', 1),
  ],
  [
    weights('w', [3, 3, 3, 3], 1),
    weights('v', [3, 4, 2, 2], 2),
    weights('u', [2, 8, 1, 1], 3),
    floatTensor('bias', Float32Array.of(0.1, -0.2, 0.3), [3]),
  ],
  image,
);

describe('scan(…) gives what whole models give', () => {
  const opened: OpenedModel[] = [];
  afterAll(() => Promise.all(opened.map((each) => each.close())));

  it('on MNIST, all layers, every kind of format', async () => {
    const sample = resolve(import.meta.dirname, '../../../samples/mnist');
    const file = await openModelFile(`${sample}/mnist_cnn.onnx`);
    opened.push(file);
    await expectSame(
      file.model,
      {
        calibrate: sliceOf('calibrate', samplesFromNpz(`${sample}/calibration.npz`, 16)),
        scan: sliceOf('scan', samplesFromNpz(`${sample}/test.npz`, 12)),
      },
      [{ name: 'logits', kind: 'logits', classAxis: 1 }],
    );
  });

  it('where branches meet and outputs are read', () =>
    expectSame(forked, slicesOf(image), values('y', 'z', 'd')));

  it('where a weight is shared, and where 8 and 16 bits differ', () =>
    expectSame(shared, slicesOf(image), values('y'), {
      schemes: [...formats.filter((each) => each !== 'fp16,region'), 'w8a8,forced'],
    }));

  it('when no value inside the model may be kept', () =>
    expectSame(forked, slicesOf(image), values('y', 'z', 'd'), { keptBytes: 0 }));

  it.each([
    ['squeezenet/fp32.onnx', 4],
    ['cifar10_resnet18/model.onnx', 4],
    ['cifar10_mobilenetv2/model.onnx', 6],
    ['unet/model.onnx', 4],
  ])('on every few layers of %s', async (name, stride) => {
    const path = sharedModel(name);
    if (path === undefined) return;
    const file = await openModelFile(path);
    opened.push(file);
    const data = await openDataSet('random', modelInputs(graphOf(file.model)), 1);
    const all = await Promise.all([0, 1, 2, 3, 4, 5].map((at) => data.sample(at)));
    const slices = { calibrate: sliceOf('calibrate', all.slice(0, 2)), scan: sliceOf('scan', all.slice(2)) };
    const names = (
      await scan(runtime, file.model, plan, slices, { schemes: ['w8'], outputs: outputsOf(file.model) })
    ).candidates
      .map(({ layer }) => layer)
      .filter((_, at) => at % stride === 0);
    await expectSame(file.model, slices, outputsOf(file.model), {
      schemes: ['w8a8', 'w4,block:32'],
      layers: names,
    });
  });
});
