import { InputError } from '../../core/errors';
import type { RuntimeTensor } from '../../core/ports';
import { describeSpec, describeTensor, type InputSpec } from './dataSet';

/**
 * Checks one tensor against the input it is meant for.
 * @param sizes sizes that symbolic dimensions have taken on; extended by this call.
 * @param where what messages call the data.
 * @throws InputError naming the input, what it wants and what it got.
 */
export function checkTensor(
  spec: InputSpec,
  tensor: Pick<RuntimeTensor, 'type' | 'dims'>,
  sizes: Map<string, number>,
  where: string,
): void {
  const mismatch = (hint: string): InputError =>
    new InputError(
      `Input ${spec.name} wants ${describeSpec(spec)}, but ${where} has ${describeTensor(tensor)}.${hint}`,
    );
  if (tensor.type !== spec.type) throw mismatch(` Save it as ${spec.type}.`);
  if (!spec.shape) return;
  if (tensor.dims.length !== spec.shape.length) throw mismatch('');
  spec.shape.forEach((want, axis) => {
    const got = tensor.dims[axis] ?? 0;
    if (typeof want === 'number' && want !== got) throw mismatch(` Dimension ${axis} differs.`);
    if (typeof want !== 'string') return;
    const before = sizes.get(want) ?? got;
    if (before !== got) throw mismatch(` ${want} is ${before} at another input and ${got} here.`);
    sizes.set(want, got);
  });
}
