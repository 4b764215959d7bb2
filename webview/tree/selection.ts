/** Selection and focus of the tree as values, and what keys do to them. Pure. */
import type { Line } from './flatten';

export interface Selection {
  readonly selected: ReadonlySet<string>;
  /** Id of the line that has the focus (roving tabindex); null before the first. */
  readonly active: string | null;
  /** Where a range selection starts. */
  readonly anchor: string | null;
}

export function selectOnly(id: string): Selection {
  return { selected: new Set([id]), active: id, anchor: id };
}

export function toggle({ selected }: Selection, id: string): Selection {
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return { selected: next, active: id, anchor: id };
}

/** Selects every line between the anchor and `id`. */
export function extendTo(selection: Selection, lines: readonly Line[], id: string): Selection {
  const to = indexOf(lines, id);
  const from = indexOf(lines, selection.anchor);
  if (to < 0 || from < 0) return selectOnly(id);
  const range = lines.slice(Math.min(from, to), Math.max(from, to) + 1).map(({ item }) => item.id);
  return { selected: new Set(range), active: id, anchor: selection.anchor };
}

/** A click as lists know it: plain replaces, Ctrl or Cmd toggles, Shift extends. */
export function click(
  selection: Selection,
  lines: readonly Line[],
  id: string,
  keys: { readonly shift: boolean; readonly toggle: boolean },
): Selection {
  if (keys.shift) return extendTo(selection, lines, id);
  return keys.toggle ? toggle(selection, id) : selectOnly(id);
}

/** A right click keeps a selection that it hits, and replaces one that it misses. */
export function contextClick(selection: Selection, id: string): Selection {
  return selection.selected.has(id) ? { ...selection, active: id } : selectOnly(id);
}

export interface Key {
  readonly key: string;
  readonly shift: boolean;
  /** Ctrl, or Cmd on a Mac. */
  readonly ctrl: boolean;
}

export type KeyEffect =
  | { readonly kind: 'select'; readonly selection: Selection }
  | { readonly kind: 'expand' | 'collapse'; readonly id: string }
  | { readonly kind: 'expandSiblings'; readonly ids: readonly string[] }
  /** Moves on to the inspector. */
  | { readonly kind: 'inspect' };

/**
 * What a key does in the tree, after the treegrid pattern of the ARIA practices guide with focus on rows.
 * @param page lines that fit on screen.
 * @returns undefined for keys that mean nothing here.
 */
export function keyEffect(
  selection: Selection,
  lines: readonly Line[],
  key: Key,
  page: number,
): KeyEffect | undefined {
  const at = Math.max(0, indexOf(lines, selection.active));
  const line = lines[at];
  if (!line) return undefined;
  const go = (index: number): KeyEffect | undefined => {
    const target = lines[Math.min(lines.length - 1, Math.max(0, index))];
    if (!target) return undefined;
    const { id } = target.item;
    if (key.shift) return { kind: 'select', selection: extendTo(selection, lines, id) };
    if (key.ctrl) return { kind: 'select', selection: { ...selection, active: id } };
    return { kind: 'select', selection: selectOnly(id) };
  };
  switch (key.key) {
    case 'ArrowDown':
      return go(at + 1);
    case 'ArrowUp':
      return go(at - 1);
    case 'PageDown':
      return go(at + page);
    case 'PageUp':
      return go(at - page);
    case 'Home':
      return go(0);
    case 'End':
      return go(lines.length - 1);
    case 'ArrowRight':
      if (line.expanded === false) return { kind: 'expand', id: line.item.id };
      return line.expanded ? go(at + 1) : undefined;
    case 'ArrowLeft':
      if (line.expanded) return { kind: 'collapse', id: line.item.id };
      return line.parent >= 0 ? go(line.parent) : undefined;
    case ' ':
      return { kind: 'select', selection: toggle(selection, line.item.id) };
    case 'Enter':
      if (line.expanded === undefined) return { kind: 'inspect' };
      return { kind: line.expanded ? 'collapse' : 'expand', id: line.item.id };
    case '*': {
      const siblings = lines.filter(({ parent, expanded }) => parent === line.parent && expanded === false);
      return { kind: 'expandSiblings', ids: siblings.map(({ item }) => item.id) };
    }
    case 'a':
    case 'A': // Caps Lock
      if (!key.ctrl) return undefined;
      return {
        kind: 'select',
        selection: { ...selection, selected: new Set(lines.map(({ item }) => item.id)) },
      };
    case 'Escape':
      return { kind: 'select', selection: { ...selection, selected: new Set() } };
    default:
      return undefined;
  }
}

export function indexOf(lines: readonly Line[], id: string | null): number {
  return id === null ? -1 : lines.findIndex(({ item }) => item.id === id);
}
