/** Entries of one `schemes`, `candidates` or `predicted` event: far below 1 MB. */
const ENTRIES_PER_EVENT = 1000;

/** Entries in parts of which each fits a message to a view. */
export function* inParts<T>(entries: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < entries.length; start += ENTRIES_PER_EVENT) {
    yield entries.slice(start, start + ENTRIES_PER_EVENT);
  }
}
