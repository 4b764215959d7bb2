import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Line } from './flatten';
import { ROW_HEIGHT } from './virtualWindow';

/**
 * Figures that arrive change a ranking: the row with the focus stays where it is on the screen, and the others move around
 * it. Moving a row in the document takes the focus from it, so it gets it back.
 * @param pending true while a key or click moves the focus, which is no change of the ranking.
 */
export function useAnchoredFocus(
  grid: RefObject<HTMLElement | null>,
  lines: readonly Line[],
  activeIndex: number,
  pending: { readonly current: boolean },
): void {
  const before = useRef(activeIndex);
  // Read while rendering: afterwards the row may have moved.
  const hadFocus = isRow(document.activeElement) && grid.current?.contains(document.activeElement);
  useLayoutEffect(() => {
    const moved = activeIndex - before.current;
    const element = grid.current;
    if (!element || !hadFocus || pending.current) return;
    element.scrollTop += moved * ROW_HEIGHT;
    if (!element.contains(document.activeElement)) focusActiveRow(element);
  }, [lines]);
  useLayoutEffect(() => {
    before.current = activeIndex;
  }, [activeIndex, lines]);
}

export function isRow(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('[role=row]');
}

/** Focuses the row that has the tab stop, and leaves the scroll position alone. */
export function focusActiveRow(grid: HTMLElement | null): void {
  grid?.querySelector<HTMLElement>('[role=row][tabindex="0"]')?.focus({ preventScroll: true });
}
