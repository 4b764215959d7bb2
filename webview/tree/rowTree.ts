/** The layer tree: rows grouped by module path. Pure. */
import type { ViewRow } from '../../src/shared/viewRpc';

export interface RowItem {
  readonly kind: 'row';
  readonly id: string;
  readonly row: ViewRow;
}

export interface GroupItem {
  readonly kind: 'group';
  readonly id: string;
  /** Last parts of the path, without what the parent's repeats; chains of only children are one group: `features / 0`. */
  readonly name: string;
  /** Whole, as the exporter wrote it. */
  readonly path: readonly string[];
  readonly children: readonly TreeItem[];
  /** Every row below, in model order. */
  readonly rows: readonly ViewRow[];
}

export type TreeItem = RowItem | GroupItem;

interface Branch {
  readonly path: readonly string[];
  readonly children: (Branch | ViewRow)[];
  readonly groups: Map<string, Branch>;
}

/**
 * Groups rows by their paths, keeping the order in which modules first appear.
 * @param isComplete false: rows are still to come. Then the groups around the last one may get further children, and stay apart from
 * what they wrap.
 */
export function rowTree(rows: readonly ViewRow[], isComplete = true): TreeItem[] {
  const root: Branch = { path: [], children: [], groups: new Map() };
  let around: Branch[] = [];
  for (const row of rows) {
    let branch = root;
    around = row.path.map((part) => (branch = childOf(branch, part)));
    branch.children.push(row);
  }
  const growing = new Set(isComplete ? [] : around);
  return root.children.map((child) => itemOf(child, undefined, growing));
}

const ROW_PREFIX = 'row:';

export function rowId(name: string): string {
  return ROW_PREFIX + name;
}

/** The row's name that an id was made of; null for the id of a group. */
export function rowName(id: string): string | null {
  return id.startsWith(ROW_PREFIX) ? id.slice(ROW_PREFIX.length) : null;
}

/** The rows that an item stands for. */
export function rowsOf(item: TreeItem): readonly ViewRow[] {
  return item.kind === 'row' ? [item.row] : item.rows;
}

function childOf(branch: Branch, part: string): Branch {
  const known = branch.groups.get(part);
  if (known) return known;
  const child: Branch = { path: [...branch.path, part], children: [], groups: new Map() };
  branch.groups.set(part, child);
  branch.children.push(child);
  return child;
}

function itemOf(child: Branch | ViewRow, parent: string | undefined, growing: ReadonlySet<Branch>): TreeItem {
  if (!('groups' in child)) return { kind: 'row', id: rowId(child.name), row: child };
  let branch = child;
  let own = branch.path.at(-1) ?? '';
  const names = [relativeName(own, parent)];
  // A module that only wraps another one would cost a click and tell nothing.
  for (let [only] = branch.children; branch.children.length === 1 && only && 'groups' in only;) {
    if (growing.has(branch)) break;
    branch = only;
    names.push(relativeName(branch.path.at(-1) ?? '', own));
    own = branch.path.at(-1) ?? '';
    [only] = branch.children;
  }
  const children = branch.children.map((item) => itemOf(item, own, growing));
  const rows = children.flatMap(rowsOf);
  // NUL cannot be confused with a separator inside a name.
  return {
    kind: 'group',
    id: `group:${branch.path.join('\0')}`,
    name: names.join(' / '),
    path: branch.path,
    children,
    rows,
  };
}

/** Name scopes repeat the parent's: below `layer1.0`, the module `layer1.0.conv1` is `conv1`. */
function relativeName(name: string, parent: string | undefined): string {
  const repeated = parent !== undefined && name.startsWith(`${parent}.`) && name.length > parent.length + 1;
  return repeated ? name.slice(parent.length + 1) : name;
}
