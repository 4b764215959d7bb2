import { InputError } from '../errors';
import { closeNames } from '../graph/closeNames';
import type { GraphIndex } from '../graph/graphIndex';
import type { Plan, TensorOverride } from '../plan/types';
import { integerType } from '../quant/integerTypes';
import type { Placement, QuantizedTensor } from './placement';

/**
 * Compares what the plan says about tensors with the tensors that it quantizes.
 * @throws InputError naming every mistake: values that are not there, are not quantized, or cannot have that zero point.
 */
export function checkTensorOverrides(index: GraphIndex, { tensors }: Placement, plan: Plan): void {
  const mistakes = Object.entries(plan.tensors ?? {}).flatMap(([name, override]) => {
    const tensor = tensors.get(name);
    return tensor ? zeroPointMistake(tensor, override) : [`${name} ${whyNot(index, tensors, name)}`];
  });
  if (mistakes.length === 0) return;
  throw new InputError(
    `The plan has formats for tensors that cannot have them: ${mistakes.join('; ')}. Correct or remove them.`,
  );
}

function whyNot(index: GraphIndex, tensors: Placement['tensors'], name: string): string {
  const { main } = index;
  const isThere =
    main !== undefined &&
    (index.producer(main, name) !== undefined || index.consumers(main, name).length > 0);
  if (isThere) return 'is not quantized as a tensor of its own';
  const close = closeNames(name, tensors.keys());
  return `is not in the model${close.length > 0 ? ` (did you mean ${close.join(', ')}?)` : ''}`;
}

function zeroPointMistake(
  { value, computedAs, readers }: QuantizedTensor,
  { zeroPoint }: TensorOverride,
): string[] {
  const type = computedAs ?? [...readers.keys()][0];
  if (zeroPoint === undefined || type === undefined) return [];
  const { min, max } = integerType(type);
  if (Number.isInteger(zeroPoint) && zeroPoint >= min && zeroPoint <= max) return [];
  return [`${value} is ${type}, whose codes go from ${min} to ${max}: ${zeroPoint} is none`];
}
