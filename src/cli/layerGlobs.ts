import picomatch from 'picomatch';
import { closeNames } from '../core/graph/closeNames';
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
  const close = closeNames(
    glob.replaceAll(/[*?]/g, ''),
    rows.map(({ name }) => name),
  );
  const hint =
    close.length > 0 ? ` Did you mean ${close.join(', ')}?` : ' `roundoff inspect` lists the layers.';
  throw new UsageError(`${option} ${glob} matches no layer.${hint}`);
}
