/** Which groups of the tree are open. Pure. */
import type { GroupItem, TreeItem } from './rowTree';

/** Models with so few rows are shown whole at first; in larger ones every group starts closed. */
const OPEN_ALL_UP_TO = 40;

export interface OpenState {
  /** Ids of open groups; null until the user opened or closed one: then the number of rows decides. */
  readonly open: readonly string[] | null;
  /** After Expand All, ids of the groups that were closed since: all others are open, also those that come later. Else null. */
  readonly closed: readonly string[] | null;
}

export const ALL_OPEN: OpenState = { open: null, closed: [] };
export const ALL_CLOSED: OpenState = { open: [], closed: null };

/** Ids of the groups of a tree that are open. @param rows that it will have when all have come. */
export function openGroups(
  tree: readonly TreeItem[],
  { open, closed }: OpenState,
  rows: number,
): ReadonlySet<string> {
  if (!closed) return new Set(open ?? (rows <= OPEN_ALL_UP_TO ? groupIds(tree) : []));
  const ids = new Set(groupIds(tree));
  for (const id of closed) ids.delete(id);
  return ids;
}

/** @param open the groups that are open in this state. */
export function withOpen(
  { closed }: OpenState,
  open: ReadonlySet<string>,
  ids: readonly string[],
  isOpen: boolean,
): OpenState {
  const next = new Set(closed ?? open);
  // The ids that are listed are those of closed groups, or of open ones.
  const isListed = isOpen === (closed === null);
  for (const id of ids) {
    if (isListed) next.add(id);
    else next.delete(id);
  }
  return closed ? { open: null, closed: [...next] } : { open: [...next], closed: null };
}

function groupsIn(tree: readonly TreeItem[]): GroupItem[] {
  return tree.flatMap((item) => (item.kind === 'group' ? [item, ...groupsIn(item.children)] : []));
}

function groupIds(tree: readonly TreeItem[]): string[] {
  return groupsIn(tree).map(({ id }) => id);
}
