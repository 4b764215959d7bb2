import { describe, expect, it } from 'vitest';
import { modelSize } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { setScheme } from '../../../src/core/plan/editPlan';
import type { Plan } from '../../../src/core/plan/types';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { rewrite } from '../../../src/core/rewrite/rewrite';
import { opTypes, quantize, run, sqnr } from '../../support/rewriting';
import { image, residualBlock, samples } from './models';

const float: Plan = { ...defaultPlan, defaultScheme: 'float' };
const half = { scheme: 'fp16', region: true } as const;

describe('fp16,region', () => {
  it('computes neighbours as one region, with Casts at its border only', async () => {
    const original = residualBlock();
    const plan: Plan = { ...float, defaultScheme: 'fp16', defaultOptions: { region: true } };
    const { model, layers } = await rewrite(original, plan, new Map());
    expect(opTypes(model).filter((op) => op === 'Cast')).toHaveLength(2);
    expect(layers).toMatchObject(
      ['stem', 'left', 'right'].map((name) => ({ name, scheme: 'fp16', bits: 16 })),
    );
    for (const { bytesBefore, bytesAfter } of layers) expect(bytesAfter).toBe(bytesBefore / 2);
    const [feeds = {}] = samples(image);
    const [before, after] = [await run(original, feeds), await run(model, feeds)];
    expect(sqnr(before['y'] ?? [], after['y'] ?? [])).toBeGreaterThan(50);
    expect((await layers[0]?.measureWeight())?.sqnrDb).toBeGreaterThan(60);
  });

  it('stands beside quantized and float layers in one model', async () => {
    const original = residualBlock();
    const plan = setScheme(setScheme(float, ['left'], half), ['stem', 'right'], 'w8a8');
    const feeds = samples(image);
    const { model, layers } = await quantize(original, plan, feeds);
    expect(layers.map(({ scheme }) => scheme)).toEqual(['w8a8', 'fp16', 'w8a8']);
    const [first = {}] = feeds;
    const [before, after] = [await run(original, first), await run(model, first)];
    expect(sqnr(before['y'] ?? [], after['y'] ?? [])).toBeGreaterThan(25);
  });

  it('takes the bytes that are foretold', async () => {
    const original = residualBlock();
    const plan = setScheme(setScheme(float, ['left'], half), ['stem'], { scheme: 'w8' });
    const foretold = await predictBytes(original, plan);
    const { model, layers } = await rewrite(original, plan, new Map());
    expect(foretold.bytes).toBe(await modelSize(model));
    expect(foretold.layers.map(({ bytesAfter }) => bytesAfter)).toEqual(
      layers.map(({ bytesAfter }) => bytesAfter),
    );
  });
});
