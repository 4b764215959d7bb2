import type { ByteSource } from '../ports';

/** Where a message's content stands in the file that it was read from. */
export interface Origin {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

class Given {
  constructor(message: object) {
    return message;
  }
}

/**
 * Notes on a message that neither `{ ...message }` nor a comparison sees: private fields put on an existing object.
 * A WeakMap would say the same, but Node's takes minutes to grow past a few million entries.
 */
class ReadNote extends Given {
  readonly #origin: Origin;

  constructor(message: object, origin: Origin) {
    super(message);
    this.#origin = origin;
  }

  static of(message: object): Origin | undefined {
    return #origin in message ? message.#origin : undefined;
  }
}

class DerivedNote extends Given {
  readonly #base: object;

  constructor(message: object, base: object) {
    super(message);
    this.#base = base;
  }

  static of(message: object): object | undefined {
    return #base in message ? message.#base : undefined;
  }
}

/** The span that `message` was read from, if it is unchanged since. */
export function originOf(message: object): Origin | undefined {
  return ReadNote.of(message);
}

/**
 * A new message of these fields, with a note of where it was read from. The note comes first: put on an object made by
 * `{ ...fields }`, a private field would give each message a hidden class of its own (V8), and make all reading of them slow.
 */
export function messageFrom(fields: object, origin: Origin): Record<string, unknown> {
  const message: object = new ReadNote({}, origin);
  return Object.assign(message, fields) as Record<string, unknown>;
}

/** The message as read from the file that `message` was derived from, if any. */
export function baseOf(message: object): object | undefined {
  return DerivedNote.of(message);
}

/**
 * A copy of `message` with `changes`. Fields that are identical (by reference) to those read from the file are
 * written as their original bytes, unknown fields included; only what changed is encoded.
 */
export function derive<T extends object>(message: T, changes: Partial<T>): T {
  const base = ReadNote.of(message) ? message : DerivedNote.of(message);
  if (!base) return { ...message, ...changes };
  const next: object = new DerivedNote({}, base);
  return Object.assign(next, message, changes);
}
