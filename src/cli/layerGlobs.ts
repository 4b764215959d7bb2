import picomatch from 'picomatch';
import type { LayerRow } from '../core/results';
import { UsageError } from './cliIo';

/**
 * Names of the rows that a glob matches: by name, or by path in the layer tree (`features/0/conv`). A row whose name is
 * the glob itself matches alone, so that names with brackets can be given as they are.
 * @param option what the message calls it.
 * @throws UsageError naming close names when nothing matches.
 */
export function matchRows(glob: string, rows: readonly LayerRow[], option: string): string[] {
  const exact = rows.filter(({ name }) => name === glob);
  if (exact.length > 0) return exact.map(({ name }) => name);
  // With `bash`, * crosses slashes: half of the exporters put them into names.
  const matches = picomatch(glob, { bash: true, dot: true });
  const found = rows.filter(({ name, path }) => matches(name) || matches([...path, name].join('/')));
  if (found.length > 0) return found.map(({ name }) => name);
  const close = closeNames(glob, rows);
  const hint =
    close.length > 0 ? ` Did you mean ${close.join(', ')}?` : ' `roundoff inspect` lists the layers.';
  throw new UsageError(`${option} ${glob} matches no layer.${hint}`);
}

/** Up to three names within a distance of a third of the glob's length, closest first. */
function closeNames(glob: string, rows: readonly LayerRow[]): string[] {
  const wanted = glob.replaceAll(/[*?]/g, '').toLowerCase();
  return rows
    .map(({ name }) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    before = row;
  }
  return before[b.length] ?? 0;
}
