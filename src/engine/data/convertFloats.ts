import { asReal, beyondRange, isRealType } from '../../core/calibrate/asReal';
import { InputError } from '../../core/errors';
import type { RuntimeTensor, RuntimeType } from '../../core/ports';
import type { InputSpec } from './dataSet';

/** True when numbers of one type may be fed to an input of another: both are floating point. */
export function isConvertible(from: RuntimeType, to: RuntimeType): boolean {
  return isRealType(from) && isRealType(to);
}

/**
 * A tensor of floating-point numbers in the floating-point type that an input wants, to the nearest; any other tensor as it is.
 * NaN and infinities stay what they are.
 * @param where what messages call the data.
 * @throws InputError for a finite number beyond the range of that type: it would become infinite.
 */
export function fedAs(tensor: RuntimeTensor, { name, type }: InputSpec, where: string): RuntimeTensor {
  const converted = isRealType(type) ? asReal(tensor, type) : undefined;
  if (!converted) return tensor;
  const problem = beyondRange(tensor, converted);
  if (problem === undefined) return converted;
  throw new InputError(
    `${where} cannot be fed to input ${name}: ${problem}. Scale the numbers or clip them to that range, and save them again.`,
  );
}
