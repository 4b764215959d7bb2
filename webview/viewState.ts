/** What the view keeps for itself, through hide and reload: nothing of it is truth about the model. */
import type { SearchCost } from '../src/core/searchResults';
import type { Measure } from './overview/modules';
import { WHOLE_MODEL, type Zoom } from './overview/zoom';
import type { Sort } from './tree/flatten';
import type { OpenState } from './tree/openGroups';

export interface ViewState extends OpenState {
  readonly filter: string;
  readonly showNodes: boolean;
  /** Shows the nodes that only express a format: Q/DQ and codebooks. */
  readonly showRaw: boolean;
  readonly sort: Sort | null;
  readonly selected: readonly string[];
  readonly active: string | null;
  readonly scrollTop: number;
  /** Sections of the inspector that are open. */
  readonly openSections: readonly string[];
  /** Channels in the inspector, by range instead of in order. */
  readonly widestFirst: boolean;
  /** Channels by their error, instead of in order. */
  readonly worstFirst: boolean;
  /** Of the graph around a row, in steps. */
  readonly neighbourDepth: number;
  /** Bit width of the weight chart. */
  readonly bits: number;
  /** The panel of plans that the search found. */
  readonly plansOpen: boolean;
  readonly plansTable: boolean;
  /** What its horizontal axis shows; null: what the search's goal is about. */
  readonly plansCost: SearchCost | null;
  /** As typed. */
  readonly budget: string;
  /** Of the panel, in pixels; null: what suits the window. */
  readonly plansHeight: number | null;
  readonly overviewOpen: boolean;
  readonly overviewMeasure: Measure;
  readonly overviewZoom: Zoom;
  /** As `plansHeight`. */
  readonly overviewHeight: number | null;
}

export const INITIAL_VIEW_STATE: ViewState = {
  filter: '',
  showNodes: false,
  showRaw: false,
  sort: null,
  open: null,
  closed: null,
  selected: [],
  active: null,
  scrollTop: 0,
  openSections: [],
  widestFirst: false,
  worstFirst: false,
  neighbourDepth: 1,
  bits: 8,
  plansOpen: true,
  plansTable: false,
  plansCost: null,
  budget: '',
  plansHeight: null,
  overviewOpen: false,
  overviewMeasure: 'bytes',
  overviewZoom: WHOLE_MODEL,
  overviewHeight: null,
};

/** Whether some of the rows would show something else than this state is about: a place further down, or what comes first of all. */
export function needsAllRows({ filter, sort, scrollTop }: ViewState): boolean {
  return filter.trim() !== '' || sort !== null || scrollTop > 0;
}

/** More selected rows than this are not worth their megabytes in VS Code's storage. */
const MOST_STORED = 2000;

/** The state as it is stored, through a reload. */
export function storedViewState(state: ViewState): ViewState {
  return state.selected.length <= MOST_STORED ? state : { ...state, selected: [] };
}

/** Takes a stored state as far as it has the right shape: it may be of an older version. */
export function restoreViewState(stored: unknown): ViewState {
  if (typeof stored !== 'object' || stored === null) return INITIAL_VIEW_STATE;
  const known = Object.entries(INITIAL_VIEW_STATE).map(([key, initial]: [string, unknown]) => {
    const value: unknown = Object.hasOwn(stored, key) ? (stored as Record<string, unknown>)[key] : undefined;
    const fits =
      value !== undefined && (initial === null || value === null || typeof value === typeof initial);
    return [key, fits ? value : initial];
  });
  return Object.fromEntries(known) as ViewState;
}
