import { asReal, beyondRange, isRealType } from '../calibrate/asReal';
import { InputError } from '../errors';
import type { Feeds, RuntimeTensor, RuntimeType } from '../ports';

/**
 * What one model is fed, for the inputs of another: each by its name, or in turn where there are as many under other names, and
 * real numbers in the type that is wanted.
 * @throws InputError for numbers beyond the range of that type.
 */
export function feedsFor(
  inputs: readonly { readonly name: string; readonly type: RuntimeType }[],
  feeds: Feeds,
): Feeds {
  const given = Object.values(feeds);
  return Object.fromEntries(
    inputs.flatMap(({ name, type }, at) => {
      const tensor = feeds[name] ?? (given.length === inputs.length ? given[at] : undefined);
      if (!tensor) return [];
      const real = isRealType(type) ? asReal(tensor, type) : undefined;
      return [[name, real ? withinRange(name, tensor, real) : tensor] as const];
    }),
  );
}

/** `converted`, which is what an input of the second model is fed with. @throws InputError when `tensor` has larger numbers */
export function withinRange(input: string, tensor: RuntimeTensor, converted: RuntimeTensor): RuntimeTensor {
  const problem = beyondRange(tensor, converted);
  if (problem === undefined) return converted;
  throw new InputError(
    `Input ${input} of the second model cannot be fed with the data of the first: ${problem}. ` +
      'Compare the models on data within that range.',
  );
}
