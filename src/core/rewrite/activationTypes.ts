import type { Plan } from '../plan/types';
import type { StaticType } from '../quant/scheme';

const wide = { uint8: 'uint16', int8: 'int16' } as const;

/** Element type of the activations of a static layer. */
export function activationTypeOf({ activationType }: Plan, scheme: 'w8a8' | 'w8a16'): StaticType {
  return scheme === 'w8a8' ? activationType : wide[activationType];
}

/** True for the types that the runtime has integer kernels for. */
export function isEightBit(type: StaticType): boolean {
  return type === 'uint8' || type === 'int8';
}

/** Sorts 8-bit types before 16-bit ones. */
export function narrowFirst(a: StaticType, b: StaticType): number {
  return Number(isEightBit(b)) - Number(isEightBit(a));
}
