/** Small networks on images whose pixels resemble their neighbours, and what recovering gives back of them. */
import type { Model } from '../../../src/core/onnx/types';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan, RecoverStep } from '../../../src/core/plan/types';
import type { Feeds } from '../../../src/core/ports';
import { quantizeModel } from '../../../src/core/recover/quantizeModel';
import { run, sqnr } from '../../support/rewriting';
import { runtime } from '../../support/runtime';
import { sliceOf } from '../../support/slices';
import { image, residualBlock, samples } from '../rewrite/models';

/** Neighbouring pixels resemble each other, as in images: white noise leaves nothing to make up for. */
export function smooth(feeds: Feeds): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      const data = Float32Array.from(tensor.data as Float32Array);
      for (let i = 1; i < data.length; i++) data[i] = 0.9 * (data[i - 1] ?? 0) + 0.4 * (data[i] ?? 0);
      return [name, { ...tensor, data }];
    }),
  );
}

export const inputs = samples(image, 40).map((feeds, index) => ({ index, feeds: smooth(feeds) }));
export const slice = sliceOf('calibrate', inputs.slice(0, 24));
const fresh = inputs.slice(24);

export function planFor(scheme: Plan['defaultScheme'], ...steps: RecoverStep[]): Plan {
  return { ...defaultPlan, defaultScheme: scheme, ...(steps.length > 0 && { recover: { steps } }) };
}

/** Output SQNR on samples that no step has seen. */
export async function quality(plan: Plan): Promise<number> {
  const { model } = await quantizeModel(residualBlock(), plan, { runtime, slice });
  return outputSqnr(residualBlock(), model, fresh);
}

/** SQNR of the output `y`, quantization simulated. */
export async function outputSqnr(
  float: Model,
  quantized: Model,
  unseen: readonly { readonly feeds: Feeds }[],
): Promise<number> {
  const [expected, actual]: [number[], number[]] = [[], []];
  for (const { feeds } of unseen) {
    expected.push(...((await run(float, feeds))['y'] ?? []));
    actual.push(...((await run(quantized, feeds, 'simulate'))['y'] ?? []));
  }
  return sqnr(expected, actual);
}
