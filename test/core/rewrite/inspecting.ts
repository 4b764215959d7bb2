/** What tests ask of a rewritten model. */
import { expect } from 'vitest';
import type { Model, Node } from '../../../src/core/onnx/types';
import { opTypes, run, sqnr } from '../../support/rewriting';
import { image, samples } from './models';

export const count = (model: Model, opType: string) =>
  opTypes(model).filter((each) => each === opType).length;
export const nodes = (model: Model): readonly Node[] => model.graph?.node ?? [];
export const producerOf = (model: Model, value: string) =>
  nodes(model).find(({ output }) => output.includes(value));
export const initializer = (model: Model, name: string) => {
  const found = model.graph?.initializer.find((tensor) => tensor.name === name);
  if (!found) throw new Error(`no initializer ${name}`);
  return found;
};

/** Lowest output SQNR over the model's outputs and samples, at no and at full optimization. */
export async function worstSqnr(
  original: Model,
  rewritten: Model,
  feeds = samples(image, 4),
): Promise<number> {
  let worst = Infinity;
  for (const optimization of ['none', 'full'] as const) {
    for (const sample of feeds) {
      const before = await run(original, sample, 'none');
      const after = await run(rewritten, sample, optimization);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [name, values] of Object.entries(before)) {
        worst = Math.min(worst, sqnr(values, after[name] ?? []));
      }
    }
  }
  return worst;
}
