/** What the view of a comparison keeps for itself, through hide and reload. */
export interface ComparisonState {
  /** Which comparison it shows: all that the host needs to restore it. */
  readonly id: string;
  /** Output whose details are shown; null: the first that has some. */
  readonly output: string | null;
  readonly sample: number | null;
  readonly onlyChanged: boolean;
  readonly scrollTop: number;
}

const INITIAL: ComparisonState = { id: '', output: null, sample: null, onlyChanged: false, scrollTop: 0 };

/** Takes a stored state as far as it has the right shape. */
export function restoreState(stored: unknown): ComparisonState {
  if (typeof stored !== 'object' || stored === null) return INITIAL;
  const { id, output, sample, onlyChanged, scrollTop } = stored as Record<string, unknown>;
  return {
    id: typeof id === 'string' ? id : INITIAL.id,
    output: typeof output === 'string' ? output : null,
    sample: typeof sample === 'number' ? sample : null,
    onlyChanged: onlyChanged === true,
    scrollTop: typeof scrollTop === 'number' ? scrollTop : 0,
  };
}
