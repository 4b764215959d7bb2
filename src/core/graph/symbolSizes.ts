import { InputError } from '../errors';

/** Sizes for symbolic dimensions, by name. */
export type Dimensions = Readonly<Record<string, number>>;

/** @throws InputError for a dimension that is not a whole number from 0. */
export function checkDimensions(dimensions: Dimensions): void {
  for (const [name, size] of Object.entries(dimensions)) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new InputError(`Dimension ${name} cannot be ${size}: give a whole number, such as ${name}=1.`);
    }
  }
}
