import type { Feeds, RuntimeType } from '../ports';
import { asReal } from './convertTensor';

/**
 * What one model is fed, for the inputs of another: each by its name, or in turn where there are as many under other names, and
 * real numbers in the type that is wanted.
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
      const isReal = type === 'float32' || type === 'float16' || type === 'float64';
      return [[name, (isReal && asReal(tensor, type)) || tensor] as const];
    }),
  );
}
