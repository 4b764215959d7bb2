import { asReal, beyondRange, isRealType } from '../calibrate/asReal';
import { InputError } from '../errors';
import type { Feeds, RuntimeTensor, RuntimeType } from '../ports';
import { pairNames } from './pairNames';

/**
 * What one model is fed, for the inputs of another: under the names that stand for its own, and real numbers in the type that
 * is wanted.
 * @param inputsOfA names in the order of the first model; that of `feeds` is the data's, and JavaScript's for names that are numbers.
 * @throws InputError for numbers beyond the range of that type.
 */
export function feedsFor(
  inputs: readonly { readonly name: string; readonly type: RuntimeType }[],
  inputsOfA: readonly string[],
  feeds: Feeds,
): Feeds {
  const pairs = pairNames(
    inputsOfA,
    inputs.map(({ name }) => name),
  );
  return Object.fromEntries(
    inputs.flatMap(({ name, type }) => {
      const ofA = pairs.get(name);
      const tensor = ofA === undefined ? undefined : feeds[ofA];
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
