/** Showing a layer that the host names: what of the view must change so that its row is there and selected. Pure. */
import type { ViewRow } from '../src/shared/viewRpc';
import { filterRows } from './tree/flatten';
import { withOpen } from './tree/openGroups';
import { rowId, rowTree, type TreeItem } from './tree/rowTree';
import type { ViewState } from './viewState';

/** What the tree shows now. */
export interface ShownTree {
  readonly rows: readonly ViewRow[];
  /** False: rows are still to come. */
  readonly isComplete: boolean;
  /** Ids of the groups that are open. */
  readonly open: ReadonlySet<string>;
}

/** @returns undefined when no row has this name. */
export function revealChange(
  { rows, isComplete, open }: ShownTree,
  view: ViewState,
  layer: string,
): Partial<ViewState> | undefined {
  const row = rows.find(({ name }) => name === layer);
  if (!row) return undefined;
  const isHidden = filterRows([row], view.filter, view).length === 0;
  const shown = isHidden
    ? {
        filter: '',
        showNodes: view.showNodes || !row.isLayer,
        showRaw: view.showRaw || row.foldedInto !== undefined,
      }
    : { filter: view.filter, showNodes: view.showNodes, showRaw: view.showRaw };
  const id = rowId(layer);
  const groups = groupsAbove(rowTree(filterRows(rows, shown.filter, shown), isComplete), id) ?? [];
  return { ...shown, ...withOpen(view, open, groups, true), selected: [id], active: id };
}

/**
 * Shows a module: the group that has its path, or with what is shown now stands for it.
 * @returns undefined when no row is in it.
 */
export function revealModuleChange(
  { rows, isComplete, open }: ShownTree,
  view: ViewState,
  path: readonly string[],
): Partial<ViewState> | undefined {
  const within = rows.filter((row) => path.every((part, level) => row.path[level] === part));
  if (within.length === 0) return undefined;
  const hasShown = filterRows(within, view.filter, view).length > 0;
  const hasLayer = within.some(({ isLayer }) => isLayer);
  const shown = hasShown ? view : { ...view, filter: '', showNodes: view.showNodes || !hasLayer };
  const { filter, showNodes, showRaw } = shown;
  const around: string[] = [];
  let items: readonly TreeItem[] = rowTree(filterRows(rows, filter, shown), isComplete);
  for (;;) {
    const group = items.find((item) => item.kind === 'group' && isAlong(item.path, path));
    if (group?.kind !== 'group') return undefined;
    if (group.path.length >= path.length) {
      return {
        filter,
        showNodes,
        showRaw,
        sort: null,
        ...withOpen(view, open, around, true),
        selected: [group.id],
        active: group.id,
      };
    }
    around.push(group.id);
    items = group.children;
  }
}

/** Whether one path begins the other. */
function isAlong(a: readonly string[], b: readonly string[]): boolean {
  return a.every((part, level) => level >= b.length || part === b[level]);
}

/** Ids of the groups around an item, outermost first; undefined when it is not below `items`. */
function groupsAbove(items: readonly TreeItem[], id: string): string[] | undefined {
  for (const item of items) {
    if (item.id === id) return [];
    const inside = item.kind === 'group' ? groupsAbove(item.children, id) : undefined;
    if (inside) return [item.id, ...inside];
  }
  return undefined;
}
