import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantizeModel, type QuantizedModel } from '../../../src/core/recover/quantizeModel';
import { compareOutputs } from '../../../src/core/compare/compare';
import { verify } from '../../../src/core/compare/verify';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Session } from '../../../src/core/ports';
import { openModelFile, type OpenedModel } from '../../../src/engine/files/modelFile';
import { runtime } from '../../support/runtime';
import { samplesFromNpz, sliceOf } from '../../support/slices';

const sample = resolve(import.meta.dirname, '../../../samples/mnist');
const calibration = sliceOf('calibrate', samplesFromNpz(`${sample}/calibration.npz`, 128));
const test = sliceOf('verify', samplesFromNpz(`${sample}/test.npz`));
const outputs = [{ name: 'logits', kind: 'logits', classAxis: 1 }] as const;

describe('the MNIST sample as w8a8', () => {
  let opened: OpenedModel;
  let quantized: QuantizedModel;
  let float: Session;
  let written: Session;

  beforeAll(async () => {
    opened = await openModelFile(`${sample}/mnist_cnn.onnx`);
    quantized = await quantizeModel(opened.model, defaultPlan, { runtime, slice: calibration });
    float = await runtime.openModel(opened.model, { optimization: 'full' });
    written = await runtime.openModel(quantized.model, { optimization: 'full' });
  });

  afterAll(async () => {
    await float.release();
    await written.release();
    await opened.close();
  });

  it('keeps the accuracy within 0.3 points of 97.65 %', async () => {
    const { samples, outputs: compared } = await compareOutputs(float, written, test, { outputs });
    expect(samples).toBe(2000);
    expect(compared[0]?.top1?.a).toBeCloseTo(0.9765, 6);
    expect(compared[0]?.top1?.b).toBeGreaterThanOrEqual(0.9735);
    expect(compared[0]?.top1?.agreement).toBeGreaterThan(0.995);
  });

  it('quantizes every layer, in at most 27 % of the bytes', async () => {
    expect(quantized.layers.map(({ scheme }) => scheme)).toEqual(Array(5).fill('w8a8'));
    expect((await modelSize(quantized.model)) / opened.bytes).toBeLessThanOrEqual(0.27);
  });

  it('has at least 35 dB of output SQNR on unseen samples', async () => {
    const { outputs: errors } = await verify(float, written, test);
    expect(errors[0]?.sqnrDb).toBeGreaterThan(35);
    expect(errors[0]?.sqnrDb).toBeLessThan(60);
  });

  it('says which range rule auto chose', () => {
    expect(quantized.rule).toBeDefined();
    expect(quantized.notes.join('\n')).toMatch(/Activation ranges: .* held-out of 128 calibration samples/);
  });

  it('needs no data when no layer is quantized, and says so when it does', async () => {
    const allFloat = { ...defaultPlan, defaultScheme: 'float' as const };
    const unchanged = await quantizeModel(opened.model, allFloat, undefined);
    expect(unchanged.model).toBe(opened.model);
    expect(unchanged.layers.every(({ scheme }) => scheme === 'float')).toBe(true);
    await expect(quantizeModel(opened.model, defaultPlan, undefined)).rejects.toThrow(/calibration data/);
  });

  it('keeps a layer float that the plan excludes', async () => {
    const plan = { ...defaultPlan, layers: { node_linear: { scheme: 'float' as const } } };
    const partly = await quantizeModel(opened.model, plan, { runtime, slice: calibration });
    expect(partly.layers.filter(({ scheme }) => scheme === 'float').map(({ name }) => name)).toEqual([
      'node_linear',
    ]);
  });
});
