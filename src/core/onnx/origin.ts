import type { ByteSource } from '../ports';

/** Where a message's content stands in the file that it was read from. */
export interface Origin {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

const origins = new WeakMap<object, Origin>();
const bases = new WeakMap<object, object>();

/** The span that `message` was read from, if it is unchanged since. */
export function originOf(message: object): Origin | undefined {
  return origins.get(message);
}

export function setOrigin(message: object, origin: Origin): void {
  origins.set(message, origin);
}

/** The message as read from the file that `message` was derived from, if any. */
export function baseOf(message: object): object | undefined {
  return bases.get(message);
}

/**
 * A copy of `message` with `changes`. Fields that are identical (by reference) to those read from the file are
 * written as their original bytes, unknown fields included; only what changed is encoded.
 */
export function derive<T extends object>(message: T, changes: Partial<T>): T {
  const next = { ...message, ...changes };
  const base = origins.has(message) ? message : bases.get(message);
  if (base) bases.set(next, base);
  return next;
}
