import type { GraphIndex } from './graphIndex';
import type { Scope, Shape } from './types';

/** Shapes and element types of the values of a model. */
export interface Shapes {
  /** Shape of a value seen from `scope`; undefined when not even the rank is known. */
  of(scope: Scope, value: string): Shape | undefined;
  /** A `DataType`; 0 when unknown. */
  dtypeOf(scope: Scope, value: string): number;
  /** Symbolic dimensions of the model's inputs, in order of appearance. */
  readonly symbols: readonly string[];
}

/** @param dims sizes for symbolic dimensions, by name. */
export function inferShapes(index: GraphIndex, dims: Readonly<Record<string, number>> = {}): Shapes {
  const symbols = new Set<string>();
  return {
    symbols: [...symbols],
    of(scope, value) {
      const constant = index.constant(scope, value);
      if (constant) return constant.tensor.dims;
      const declared = index.declaredType(scope, value)?.tensorType?.shape?.dim;
      return declared?.map(({ dimValue, dimParam }) => dimValue ?? dims[dimParam ?? ''] ?? dimParam ?? null);
    },
    dtypeOf(scope, value) {
      const constant = index.constant(scope, value);
      return constant?.tensor.dataType ?? index.declaredType(scope, value)?.tensorType?.elemType ?? 0;
    },
  };
}
