/**
 * The two protocols, each as an interface of async methods: EngineMethods (extension or command line → engine
 * process) and ViewMethods (webview → extension host). Replies are `{ok}` or `{err}`; progress carries the call's id.
 */
import type { OutputOverrides } from '../core/graph/outputs';
import type { Preset } from '../core/plan/presets';
import type { Plan, PlanEntry } from '../core/plan/types';
import type { LayerFormat } from '../core/quant/layerFormat';
import type {
  CompareResult,
  DataSummary,
  Candidate,
  LayerRow,
  ModelSummary,
  PredictResult,
  PresetFigure,
  QuantizationDetails,
  QuantizeResult,
  RewritePass,
  RewriteResult,
  ScanMetric,
  ScanPart,
  ScanResult,
} from '../core/results';
import type { LayerLatencies } from '../core/latencyResults';
import type { LayerExplanation } from '../core/explainResults';
import type { LayerComparison, SampleDescription } from '../core/compareResults';
import type {
  ExportedWeight,
  Neighbourhood,
  NodeSource,
  WeightSlice,
  WeightStatistics,
} from '../core/inspectorResults';
import type { ErrorSplitCurve, SplitValue } from '../core/rangeResults';
import type { PlanRun, TriedPlan } from '../core/search/triedPlans';
import type { ReportResult } from '../core/reportResults';
import type { SearchGoal, SearchPoint, SearchResult } from '../core/searchResults';

export interface ModelRequest {
  file: string;
  /** Symbolic dimension → size. */
  dimensions?: Record<string, number>;
}

export interface DataRequest {
  /** Path, or the word `random`. */
  data: string;
  /** For calibration; engine/data/slices.ts tells how the rest is dealt. */
  samples?: number;
  /** For the scan slice; 32 when absent. */
  scanSamples?: number;
  /** Deals the slices; 1 when absent. */
  seed?: number;
}

/** How data is dealt when as much as possible goes to the scan slice. */
export interface DataDeal {
  /** Of the whole data set. */
  samples: number;
  calibrate: number;
  mostScan: number;
}

export interface QuantizeRequest extends ModelRequest {
  plan: Plan;
  calibration?: DataRequest;
  output: string;
  /** Also count the distinct values of each weight, before and after: takes about as long as everything else. */
  countUnique?: boolean;
  /** Folder that keeps the layers that recovering has done; none are kept when absent. */
  cache?: string;
}

export interface PresetPlanRequest extends ModelRequest {
  plan: Plan;
  preset: Preset;
  /** Of naive and hybrid; the plan's default when absent. */
  format?: LayerFormat;
  /** Of selective: bits per weight. */
  bits?: number;
  /** Of hybrid: dB below the median that keep a layer float. */
  marginDb?: number;
  calibration?: DataRequest;
}

export interface PresetPlan {
  /** Layer → its entry, for every layer that can be quantized. */
  layers: Record<string, PlanEntry>;
  figures: PresetFigure[];
  notes: string[];
}

export interface RewriteRequest extends ModelRequest {
  pass: RewritePass;
  output: string;
}

export interface ScanRequest extends ModelRequest {
  /** Its recipe, if any, chooses the codes of candidates, each layer on its own. */
  plan: Plan;
  calibration: DataRequest;
  /** Names; all quantizable layers when absent. */
  layers?: string[];
  /** Formats as `formatText` writes them; those of `core/scan/formats.ts` when absent. */
  schemes?: string[];
  /** Measures only this part of the formats that quantize activations; all of them when absent. */
  part?: ScanPart;
  /** KL where an output has classes, else NMSE, when absent. */
  metric?: ScanMetric;
  /** Of the search that follows: what model or data cannot have is told before anything is measured. */
  goal?: SearchGoal;
  /** `allBut` also measures what restoring each layer gains when all have the format. `only` when absent. */
  direction?: 'only' | 'allBut';
  /** Measured before on the same samples, or given up: not measured again. */
  known?: Candidate[];
  /** Folder that keeps results between scans; none are kept when absent. */
  cache?: string;
}

export interface SearchRequest extends ModelRequest {
  /** Its recipe, if any, chooses the codes of candidates and of the plans found, each layer on its own. */
  plan: Plan;
  calibration: DataRequest;
  goal: SearchGoal;
  /** Names; all quantizable layers when absent. Others keep their entries in the plan, or are float. */
  layers?: string[];
  /** Formats as `formatText` writes them; those of `core/scan/formats.ts` when absent. */
  schemes?: string[];
  /** Times of plans are measured and foretold, also for goals of another cost. */
  latency?: boolean;
  /** Of a scan of the same samples: not measured again. */
  known?: Candidate[];
  /** Run by an earlier search with the same request, or given up: not run again. */
  tried?: TriedPlan[];
  /** Nothing is run: the result tells what `known` foretells, with layers that are not in it float. */
  predictOnly?: boolean;
  /** Folder that keeps results between scans; none are kept when absent. */
  cache?: string;
}

export interface LatencyRequest extends ModelRequest {
  plan: Plan;
  calibration: DataRequest;
  /** Formats as `formatText` writes them; those of `core/scan/formats.ts` when absent. */
  schemes?: string[];
}

export interface ExplainRequest extends ModelRequest {
  plan: Plan;
  layer: string;
  /** As `formatText` writes it. */
  scheme: string;
  /** Activations are explained with it only. */
  calibration?: DataRequest;
  /** Of the last scan, in what unit: taken as they are. */
  measured?: { metric: ScanMetric; candidates: Candidate[] };
}

export interface ErrorSplitRequest extends WeightRequest {
  plan: Plan;
  /** The weight when absent. */
  of?: SplitValue;
  /** Of weights; activations have those of their type. */
  bits: number;
  /** Of weights: a codebook scheme (`lut16`) instead of integers of so many bits. */
  table?: string;
  /** Needed for activations. */
  calibration?: DataRequest;
}

export interface WeightRequest extends ModelRequest {
  layer: string;
  /** Which of the layer's weights (a recurrent layer has two); 0 when absent. */
  weight?: number;
}

export interface WeightStatisticsRequest extends WeightRequest {
  /** Also tells what this format makes of the weight; as `formatText` writes it. */
  scheme?: string;
  /** Also tells which codes the file holds, where it is quantized. */
  stored?: boolean;
  /** Of the step sizes; those of the scheme, or 8, when absent. */
  bits?: number;
}

export interface WeightSliceRequest extends WeightRequest {
  /** Axes of the stored tensor that run down and across. */
  axes: [number, number];
  /** Position on each of the other axes, in their order; 0 where absent. */
  index?: number[];
  /** Cells at most; 128 each when absent. */
  maxRows?: number;
  maxColumns?: number;
  /** What a cell tells of several elements; their mean when absent. */
  reduce?: 'mean' | 'maxAbs';
}

export interface CompareRequest {
  a: string;
  b: string;
  /** With `samples` or `seed` the verify slice of that deal is compared, without them every sample. */
  calibration: DataRequest;
  dimensions?: Record<string, number>;
  /** What outputs mean, where a plan says it; others are detected. */
  outputs?: OutputOverrides;
  sample?: number;
  top?: number;
}

export interface DescribeDataRequest extends ModelRequest {
  calibration: DataRequest;
  /** As for `compare`. */
  outputs?: OutputOverrides;
}

export interface SampleRequest extends ModelRequest {
  calibration: DataRequest;
  /** Position in the data set. */
  sample: number;
  /** With a picture; true when absent. */
  picture?: boolean;
}

export interface CompareLayersRequest {
  a: string;
  /** Absent: what the plan makes of `a`. */
  b?: string;
  plan?: Plan;
  /** As for `compare`; a plan is always compared on the verify slice. */
  calibration: DataRequest;
  dimensions?: Record<string, number>;
  /** Samples at most; 32 when absent. */
  most?: number;
  /** Folder that keeps the layers that recovering has done; none are kept when absent. */
  cache?: string;
}

export interface ReportRequest extends ModelRequest {
  plan: Plan;
  calibration: DataRequest;
  /** Made when it is not there; files of a report in it are replaced. */
  folder: string;
  /** Of a scan of the model: sensitivities of the planned schemes are taken from it. */
  scan?: Pick<ScanResult, 'metric' | 'samples' | 'candidates'>;
  /** Folder that keeps the layers that recovering has done; none are kept when absent. */
  cache?: string;
}

export interface EngineMethods {
  /** Of a large model: its first layers as `inspect` will tell them, in a fraction of the time. None of a small one. */
  firstLayers(request: ModelRequest): Promise<LayerRow[]>;
  inspect(request: ModelRequest): Promise<ModelSummary>;
  /** Hash of each layer's weight: name → `sha256:…`. */
  weightHashes(request: ModelRequest): Promise<Record<string, string>>;
  describeData(request: DescribeDataRequest): Promise<DataSummary>;
  /** How many samples there are for scans. */
  describeDeal(request: ModelRequest & { calibration: DataRequest }): Promise<DataDeal>;
  /** What a range costs a value of a layer: clipping against rounding. */
  errorSplit(request: ErrorSplitRequest): Promise<ErrorSplitCurve>;
  /** Formats of a row in numbers: scales, zero points, codebook. */
  quantizationOf(request: ModelRequest & { layer: string }): Promise<QuantizationDetails>;
  /** Range, moments, histogram and channels of a layer's weight; of a quantized model what its codes stand for. */
  weightStatistics(request: WeightStatisticsRequest): Promise<WeightStatistics>;
  weightSlice(request: WeightSliceRequest): Promise<WeightSlice>;
  /** What feeds a row and what reads it, up to `depth` steps away, at most 8. */
  neighbours(request: ModelRequest & { layer: string; depth: number }): Promise<Neighbourhood>;
  /** The Python lines that a row comes from, as far as the exporter noted them. */
  sourceOf(request: ModelRequest & { layer: string }): Promise<NodeSource>;
  /** Writes a weight as `.npy`, float32. */
  exportWeight(request: WeightRequest & { output: string }): Promise<ExportedWeight>;
  quantize(request: QuantizeRequest): Promise<QuantizeResult>;
  /** Chooses a format for every layer. */
  presetPlan(request: PresetPlanRequest): Promise<PresetPlan>;
  /** The bytes that `quantize` would write, exactly; needs no data and writes nothing. */
  predict(request: ModelRequest & { plan: Plan }): Promise<PredictResult>;
  /** Writes the model after one rewrite that needs no data. */
  rewriteModel(request: RewriteRequest): Promise<RewriteResult>;
  /** Candidates arrive as progress while it runs. */
  scan(request: ScanRequest): Promise<ScanResult>;
  /** The best plan for a goal. Candidates and points arrive as progress while it runs; nothing is written. */
  search(request: SearchRequest): Promise<SearchResult>;
  compare(request: CompareRequest): Promise<CompareResult>;
  /** One sample of the data, for people to look at; runs nothing. */
  describeSample(request: SampleRequest): Promise<SampleDescription>;
  /** Error of each layer, accumulated from the inputs and alone, of a second model or of a plan. */
  compareLayers(request: CompareLayersRequest): Promise<LayerComparison>;
  /** Quantizes as planned, compares, and writes Markdown, SVG, CSV and JSON; the model itself is not kept. */
  report(request: ReportRequest): Promise<ReportResult>;
  /** What every layer takes in each scheme; seconds for each of them. */
  layerLatencies(request: LatencyRequest): Promise<LayerLatencies>;
  /** Why a layer hurts in a format, and which formats would do better. */
  explain(request: ExplainRequest): Promise<LayerExplanation>;
  /** Copies a model with its external data to a new place (Save As). Resolves to the files written. */
  copyModel(request: { from: string; to: string }): Promise<string[]>;
}

export type EngineMethod = keyof EngineMethods;

export interface Progress {
  done: number;
  total: number;
  message: string;
  /** Scan only: candidates measured since the last progress. */
  candidates?: Candidate[];
  /** Scan only: guesses from the weights alone, in the first second. */
  provisional?: Candidate[];
  /** Scan only: what is being measured; sent before it runs, so that a crash can be told apart. */
  starting?: Pick<Candidate, 'layer' | 'scheme' | 'part' | 'recover'>;
  /** Search only: points of the front as predicted, then those that were run, as they come. */
  points?: SearchPoint[];
  /** Search only: the plan that runs next; sent before it does, so that a crash can be told apart. */
  trying?: PlanRun;
  /** Search only: what a run of a plan told. */
  tried?: TriedPlan;
  /** Search only: what it would give if it ended here. */
  result?: SearchResult;
  /** Search only: what layers take, once it was measured. */
  latencies?: LayerLatencies;
  /** Comes with candidates: what their sensitivities are. */
  measured?: Pick<ScanResult, 'metric' | 'samples'>;
}

/** What can go wrong, so that callers can tell cancel and crash from bad input. */
export type ErrorKind = 'cancelled' | 'input' | 'file' | 'runtime' | 'crash' | 'internal';

export interface ErrorReply {
  kind: ErrorKind;
  message: string;
}
