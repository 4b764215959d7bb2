/** Names shown in one message; the rest is counted. */
const mostNames = 3;

/** A list of names for a message: the first few and how many more. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).map((name) => `"${name}"`);
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}
