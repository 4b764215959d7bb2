/**
 * The protocol between the view (webview) and the extension host. The view holds no truth: after `ready` it gets a
 * snapshot with the first rows, pulls the others in chunks, and then follows events. `ready` may come at any time and any number of times.
 */
import type { CalibrationRecipe } from '../core/plan/types';
import type {
  Candidate,
  DataSummary,
  LayerRow,
  ModelSummary,
  QuantizationDetails,
  ScanMetric,
} from '../core/results';
import type {
  Neighbourhood,
  NodeSource,
  SourceFrame,
  WeightSlice,
  WeightStatistics,
} from '../core/inspectorResults';
import type { ErrorSplitCurve, SplitValue } from '../core/rangeResults';
import type { LayerLatency } from '../core/latencyResults';
import type { LayerExplanation } from '../core/explainResults';
import type { SearchGoal, SearchPoint, SearchResult } from '../core/searchResults';
import type { ExportMethods } from './exportRpc';
import type { ErrorReply } from './rpc';

/** The custom editor's name in the manifest. */
export const VIEW_TYPE = 'roundoff.model';

/** A row of the layer tree: a layer, or a node without a weight. */
export interface ViewRow extends LayerRow {
  isLayer: boolean;
  /** With its options, as `formatText` writes it: `auto`, `w4,block:32`. */
  scheme: string;
  /** Measured by the last scan; null when it was not. */
  candidate: Candidate | null;
  /** By the last prediction; null when there is none of it. */
  predicted: PredictedRow | null;
}

/** What a layer takes in the written file. */
export interface PredictedRow {
  bytes: number;
  /** The one that it is written with: layers that cannot be written as planned have another. */
  scheme: string;
  /** The row's `scheme` at that time: the figure holds for no other. */
  planned: string;
}

export type ModelHeader = Omit<ModelSummary, 'layers' | 'nodes'>;

export type ModelView =
  | { state: 'loading' }
  /** `message` is the engine's sentence. */
  | { state: 'failed'; message: string }
  | { state: 'ready'; header: ModelHeader; rowCount: number };

export interface PlanView {
  /** Name of the plan file, without its folder. */
  file: string;
  /** Why the plan file on disk could not be used; null when it could, or when there is none. */
  error: string | null;
  /** Entries whose weight changed, and entries whose node is gone: kept, and the first thousand of each listed. */
  changed: string[];
  changedCount: number;
  missing: string[];
  missingCount: number;
  /** As set by the user, by dimension name. */
  dimensions: Record<string, number>;
  calibration: CalibrationRecipe | null;
  /** Fixed ranges of activations, by value name; the first thousand. */
  fixedRanges: Record<string, { min: number; max: number }>;
  /** What makes up for the errors of weights, in words and in order; empty: nothing does. */
  recover: string[];
  /** What is known about the calibration data once it was looked at in this session. */
  data: DataSummary | null;
}

export interface ScanProgress {
  done: number;
  total: number;
  message: string;
  /** Measured candidates per second of the last while; null: too early to tell. */
  perSecond: number | null;
  /** At that rate; null: too early to tell. */
  secondsLeft: number | null;
  /** It was told to pause: nothing runs, and going on measures only what is left. */
  paused: boolean;
}

export interface ScanView {
  /** null when no scan runs or waits. */
  running: ScanProgress | null;
  /** What the figures shown mean; null when there are none. `partial`: the last scan has not come to its end. */
  measured: {
    metric: ScanMetric;
    slice: 'scan';
    samples: number;
    partial: boolean;
    random: boolean;
  } | null;
  /** The last failure in one sentence. */
  error: string | null;
}

/** One plan of a search, without its layers: they stay with the host. */
export interface SearchPointView extends Omit<SearchPoint, 'layers'> {
  /** Names the point in `applyPoint`, for as long as this search is shown. */
  id: number;
  /** Format → layers that have it, the most frequent first. */
  formats: [string, number][];
  /** Searched layers that stay float, or have the most bits if none does; the first ten. */
  keeps: string[];
}

export interface SearchView {
  /** null when no search runs. */
  running: { done: number; total: number; message: string } | null;
  /** What the points are; null before the first search, and when model, data or ranges have changed since. */
  found: {
    goal: SearchGoal;
    metric: SearchResult['metric'];
    /** What the plans recover accuracy by, in words and in order; empty: nothing. */
    recover: string[];
    float: SearchResult['float'];
    /** By bytes, the least first. They come while it runs. */
    points: SearchPointView[];
    /** Point that the search chose; null until it has. */
    chosen: number | null;
    /** Point whose formats the plan has now; null: none. */
    applied: number | null;
    /** null until it has ended. */
    met: boolean | null;
    partial: boolean;
    random: boolean;
  } | null;
  /** The last failure in one sentence. */
  error: string | null;
}

/** Whether the latency of schemes is being measured, and of what there are figures. */
export interface LatencyView {
  isRunning: boolean;
  /** Grows with each measurement, so that views know when to ask again. */
  generation: number;
}

/** What one layer takes in each scheme on this machine. */
export interface LayerLatencyView extends LayerLatency {
  /** Milliseconds of one run of the float model. */
  modelMs: number;
  /** Measured with random inputs. */
  random: boolean;
}

/** What the plan would write, foretold by a dry run. */
export interface PredictionView {
  /**
   * - `none`: there is no model.
   * - `running`: `bytes`, if any, are of the plan before the last edit.
   * - `waiting`: it takes long here and starts when the user asks for it; `bytes` are of an older plan.
   */
  state: 'none' | 'running' | 'waiting' | 'current' | 'failed';
  bytes: { before: number; after: number } | null;
  /** Layers that would not be written as planned, and why; the first hundred. */
  notes: string[];
  notesCount: number;
  /** Why the plan cannot be written, in one sentence. */
  error: string | null;
}

export interface ViewSnapshot {
  /** The document, for `data-vscode-context`. */
  uri: string;
  name: string;
  /** Grows with every change of the model; rows of different revisions must not be mixed. */
  revision: number;
  model: ModelView;
  /**
   * The first rows; null when none are known. They come with the snapshot, so that small models need no further message. Of a large
   * model that is still being read they are the layers that are known so far.
   */
  first: RowChunk | null;
  plan: PlanView;
  scan: ScanView;
  search: SearchView;
  latency: LatencyView;
  prediction: PredictionView;
  /** Why models must not be run here (Restricted Mode, remote file system); null when they may. */
  lookOnly: string | null;
}

export interface RowChunk {
  revision: number;
  rows: ViewRow[];
  /** Where the next chunk starts; null after the last. */
  next: number | null;
}

/** A weight that the inspector shows. */
export interface WeightView {
  layer: string;
  /** Which of the layer's weights (a recurrent layer has two). */
  weight: number;
}

/** Palette commands that the view's buttons stand for. */
export type ViewCommand =
  | 'scan'
  | 'write'
  | 'chooseData'
  | 'compare'
  | 'report'
  | 'applyPreset'
  | 'compensate'
  | 'predict'
  | 'showLog'
  | 'cancelScan'
  | 'pauseScan'
  | 'resumeScan'
  | 'measureLatency'
  | 'search'
  | 'cancelSearch'
  | 'retry';

/** Calls of the view to the host. */
export interface ViewMethods extends ExportMethods {
  ready(request: Record<string, never>): Promise<ViewSnapshot>;
  /** Rows from `start` on, at most CHUNK_BYTES of them. */
  rows(request: { revision: number; start: number }): Promise<RowChunk>;
  /** Of one value at a time, as `weightStatistics`. Activations need calibration data, and run the model. */
  errorSplit(
    request: WeightView & { of: SplitValue; bits: number; table?: string },
  ): Promise<ErrorSplitCurve>;
  /** Fixes the range of an activation as an edit of the plan; null: calibration chooses it again. */
  fixRange(request: { value: string; range: { min: number; max: number } | null }): Promise<null>;
  quantizationOf(request: { layer: string }): Promise<QuantizationDetails>;
  /** Of one weight at a time: a newer call of the same view ends the one before it. */
  weightStatistics(
    request: WeightView & { scheme?: string; stored?: boolean; bits: number },
  ): Promise<WeightStatistics>;
  /** As `weightStatistics`, one at a time. */
  weightSlice(request: WeightView & { axes: [number, number]; index: number[] }): Promise<WeightSlice>;
  /** Asks the user for a file, and writes the weight as `.npy`. */
  exportWeight(request: WeightView): Promise<null>;
  /** The graph around a row, up to `depth` steps away. */
  neighbours(request: { layer: string; depth: number }): Promise<Neighbourhood>;
  /** The Python lines that a row comes from. */
  sourceOf(request: { layer: string }): Promise<NodeSource>;
  /** Opens such a line. @throws when no file of the workspace has that path. */
  openSource(request: SourceFrame): Promise<null>;
  /** Every measured candidate of a layer, by format. */
  candidatesOf(request: { layer: string }): Promise<Candidate[]>;
  /** What a layer takes in each scheme; null: it was not measured. */
  latencyOf(request: { layer: string }): Promise<LayerLatencyView | null>;
  /** Why a layer hurts in its planned format (w8a8 when it is float), and what would help. */
  explain(request: { layer: string }): Promise<LayerExplanation>;
  /** Gives the plan the formats of a point, as one edit. */
  applyPoint(request: { id: number }): Promise<null>;
  /** @throws when `scheme` is no format. */
  setScheme(request: { names: string[]; scheme: string }): Promise<null>;
  /** Asks the user for a format, and gives it to these rows. */
  chooseFormat(request: { names: string[] }): Promise<null>;
  /** `size` null: unknown again. */
  setDimension(request: { name: string; size: number | null }): Promise<null>;
  /** Which layer has the focus or is selected alone, so that palette commands can begin with it. null: none. */
  selected(request: { layer: string | null }): Promise<null>;
  /** All rows of a menu that the host asks for. */
  menuRows(request: { menu: string; names: string[] }): Promise<null>;
  command(request: { command: ViewCommand }): Promise<null>;
}

export type ViewRequest<K extends keyof ViewMethods> = RequestOf<ViewMethods, K>;

/** Calls of a view to its host: each takes one object and gives a promise. */
export type Methods<M> = { [K in keyof M]: (request: never) => Promise<unknown> };
export type RequestOf<M extends Methods<M>, K extends keyof M> = Parameters<M[K]>[0];
export type ReplyOf<M extends Methods<M>, K extends keyof M> = Awaited<ReturnType<M[K]>>;

/** What the host tells every view of a document without being asked. */
export type ViewEvent =
  | { event: 'snapshot'; snapshot: ViewSnapshot }
  /** Only the schemes that changed, by row name. */
  | { event: 'schemes'; revision: number; schemes: [string, string][] }
  | { event: 'candidates'; revision: number; candidates: Candidate[] }
  | { event: 'scan'; scan: ScanView }
  | { event: 'search'; search: SearchView }
  | { event: 'latency'; latency: LatencyView }
  /** Rows whose figure changed, by row name. */
  | { event: 'predicted'; revision: number; rows: [string, PredictedRow | null][] }
  | { event: 'prediction'; prediction: PredictionView }
  | { event: 'plan'; plan: PlanView }
  /** Selects a layer, scrolls to it, and with `explain` shows why it hurts. */
  | { event: 'reveal'; layer: string; explain: boolean }
  /** Opens the overview of the model. */
  | { event: 'overview' }
  /** Asks the view with this menu for its rows. */
  | { event: 'menuRows'; menu: string };

export type ToHost<M extends Methods<M> = ViewMethods> = {
  [K in keyof M]: { id: number; method: K; request: RequestOf<M, K> };
}[keyof M];
export type ToView<E = ViewEvent> = { id: number; ok: unknown } | { id: number; err: ErrorReply } | E;

/** Messages stay well below 1 MB, so that a remote connection never stalls on one. */
export const CHUNK_BYTES = 512 * 1024;

/** The `data-vscode-context` of the layer tree: all that a `webview/context` command receives. */
export interface LayersContext {
  webviewSection: 'layers';
  preventDefaultContextMenuItems: true;
  uri: string;
  /** Every selected row, groups replaced by the rows below them; empty when they are too many. */
  names: string[];
  /** Names the menu when the view has to be asked for its rows, else null. */
  menu: string | null;
}
