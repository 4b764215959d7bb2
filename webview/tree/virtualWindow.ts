/** Which lines of a long list are rendered. Pure. */

export const ROW_HEIGHT = 24;
/** Lines rendered beyond both edges, so that scrolling does not show gaps. */
const OVERSCAN = 8;

export interface Window {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * @param before what is rendered now. A jump to where nothing is takes the time for every line: those beyond the edges wait until the
 * next call.
 */
export function virtualWindow(scrollTop: number, height: number, count: number, before?: Window): Window {
  const first = Math.floor(scrollTop / ROW_HEIGHT);
  const last = Math.ceil((scrollTop + height) / ROW_HEIGHT);
  const isJump = before !== undefined && (before.end <= first || before.start >= last);
  const beyond = isJump ? 0 : OVERSCAN;
  const start = Math.min(Math.max(0, first - beyond), count);
  return { start, end: Math.min(count, Math.max(start, last + beyond)) };
}

/** The nearest scroll position at which line `index` is wholly visible. */
export function scrollToShow(index: number, scrollTop: number, height: number): number {
  const top = index * ROW_HEIGHT;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, top + ROW_HEIGHT - height);
}
