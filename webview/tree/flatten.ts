/** From the tree to the lines that are on screen: what is expanded, what the filter lets through, in which order. Pure. */
import { formatShape } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';
import { rowId, type TreeItem } from './rowTree';
import { certainty } from './sensitivity';

export type SortColumn = 'name' | 'op' | 'parameters' | 'bytes' | 'macs' | 'sensitivity';
export interface Sort {
  readonly column: SortColumn;
  readonly descending: boolean;
}

export interface Line {
  readonly item: TreeItem;
  /** From 1, as in `aria-level`. */
  readonly level: number;
  readonly position: number;
  readonly setSize: number;
  /** undefined for rows, which cannot be expanded. */
  readonly expanded: boolean | undefined;
  /** Index of the parent's line; -1 at the top. */
  readonly parent: number;
}

export interface Visible {
  /** Whether the group of this id is open. */
  readonly isOpen: (id: string) => boolean;
}

/** The lines of a tree, depth first. */
export function treeLines(tree: readonly TreeItem[], { isOpen }: Visible): Line[] {
  const lines: Line[] = [];
  const visit = (items: readonly TreeItem[], level: number, parent: number): void => {
    items.forEach((item, index) => {
      const expanded = item.kind === 'group' ? isOpen(item.id) : undefined;
      const line =
        lines.push({ item, level, position: index + 1, setSize: items.length, expanded, parent }) - 1;
      if (item.kind === 'group' && expanded) visit(item.children, level + 1, line);
    });
  };
  visit(tree, 1, -1);
  return lines;
}

/** A sorted column ranks rows across modules: the worst layer of the model comes first, wherever it is. */
export function rankedLines(rows: readonly ViewRow[], sort: Sort): Line[] {
  return sortRows(rows, sort).map((row, index) => ({
    item: { kind: 'row', id: rowId(row.name), row },
    level: 1,
    position: index + 1,
    setSize: rows.length,
    expanded: undefined,
    parent: -1,
  }));
}

function sortRows(rows: readonly ViewRow[], { column, descending }: Sort): ViewRow[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [sortKey(a, column), sortKey(b, column)];
    if (column === 'sensitivity') {
      const trust = certainty(a.candidate) - certainty(b.candidate);
      if (trust !== 0) return trust;
    }
    // What is unknown stands last in both directions.
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (typeof x === 'string' || typeof y === 'string') return sign * compareNames(String(x), String(y));
    return sign * (x - y);
  });
}

function sortKey(row: ViewRow, column: SortColumn): number | string | null {
  switch (column) {
    case 'name':
      return row.name;
    case 'op':
      return row.op;
    case 'sensitivity':
      return row.candidate?.sensitivity ?? null;
    case 'parameters':
    case 'bytes':
    case 'macs':
      return row[column];
  }
}

const collator = new Intl.Collator('en', { numeric: true });

/** `layer2` before `layer10`. */
function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}

/** Which rows are shown besides layers. */
export interface ShownNodes {
  /** Nodes without a weight: Add, pooling, Softmax... */
  readonly showNodes: boolean;
  /** Nodes that only express a format; otherwise folded into the rows that they belong to. */
  readonly showRaw: boolean;
}

/** Whether a row is shown when nothing is filtered. */
export function isShown({ isLayer, foldedInto }: ViewRow, { showNodes, showRaw }: ShownNodes): boolean {
  return isLayer || (foldedInto === undefined ? showNodes : showRaw);
}

/** Rows in which every word of the filter occurs: in name, operator, scheme, element type or shape; case is ignored. */
export function filterRows(rows: readonly ViewRow[], filter: string, shown: ShownNodes): ViewRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (!isShown(row, shown)) return false;
    if (words.length === 0) return true;
    const shape = row.weight ? `${row.weight.dtype} ${formatShape(row.weight.shape)}` : '';
    const badge = row.stored?.badge ?? '';
    const text = `${row.name} ${row.path.join('/')} ${row.op} ${row.scheme} ${badge} ${shape}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
