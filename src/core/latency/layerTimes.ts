import type { Model } from '../onnx/types';
import type { ProfiledKernel } from '../ports';
import { isConversion, type Domain } from './conversions';
import { kernelOwners } from './kernelOwners';

/** Operators that the runtime has for integers. */
const integerKernel = /^(QLinear|QGemm|QAttention|DynamicQuantize|MatMulInteger|ConvInteger)/;

/** What a profile tells of one layer. */
export interface ProfiledLayer {
  readonly milliseconds: number;
  readonly domain: Domain;
}

/**
 * The time of a model's run shared out to its layers in proportion to their kernels, so that the shares add up to the whole:
 * what the runtime does between kernels goes with them.
 * @param model that was profiled, its nodes named uniquely.
 * @param wallMs of one run.
 * @param hasActivations true when its layers' format quantizes activations.
 */
export function layerTimes(
  kernels: readonly ProfiledKernel[],
  model: Model,
  layers: ReadonlySet<string>,
  wallMs: number,
  hasActivations: boolean,
): Map<string, ProfiledLayer> {
  const owners = kernelOwners(kernels, model, layers);
  const owned = new Map<string, ProfiledKernel[]>();
  for (const [at, kernel] of kernels.entries()) {
    const owner = owners[at];
    if (owner === undefined) continue;
    const known = owned.get(owner);
    if (known) known.push(kernel);
    else owned.set(owner, [kernel]);
  }
  const whole = kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  return new Map(
    [...owned].map(([layer, own]) => {
      const time = own.reduce((sum, { microseconds }) => sum + microseconds, 0);
      return [
        layer,
        { milliseconds: whole > 0 ? (wallMs * time) / whole : 0, domain: domainOf(own, hasActivations) },
      ];
    }),
  );
}

/** By the kernel that does the layer's work: the longest that is no conversion. */
function domainOf(kernels: readonly ProfiledKernel[], isSimulated: boolean): Domain {
  const [main] = kernels
    .filter(({ op }) => !isConversion(op))
    .sort((a, b) => b.microseconds - a.microseconds);
  if (main && integerKernel.test(main.op)) return 'integer';
  if (isSimulated) return 'simulated';
  return main && /_nchwc(_token_\d+)?$/.test(main.name) ? 'blocked' : 'plain';
}
