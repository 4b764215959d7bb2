/** Rows of a page, about. */
const PAGE = 10;

/**
 * Where a key leads in a list.
 * @param at position now; -1: none.
 * @returns undefined for keys that mean nothing here.
 */
export function listStep(key: string, at: number, length: number): number | undefined {
  const within = (position: number): number => Math.max(0, Math.min(length - 1, position));
  switch (key) {
    case 'ArrowDown':
      return within(at + 1);
    case 'ArrowUp':
      return within(at - 1);
    case 'PageDown':
      return within(at + PAGE);
    case 'PageUp':
      return within(at - PAGE);
    case 'Home':
      return within(0);
    case 'End':
      return within(length - 1);
    default:
      return undefined;
  }
}
