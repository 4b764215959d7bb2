/**
 * The protocol between the view of a comparison and its host. The view holds no truth: after `ready` it gets what is shown first,
 * and asks for the rest. A comparison never changes, so there are no events.
 */
import type {
  LayerDifference,
  Mistake,
  OutputDetails,
  SampleDescription,
  SampleOutcome,
} from '../core/compareResults';
import type { CompareResult } from '../core/results';
import type { ExportMethods } from './exportRpc';

/** The panel's name in the manifest. */
export const COMPARISON_VIEW = 'roundoff.comparison';

type Output = CompareResult['outputs'][number];

/** Layers along the depth; of very many those with the least SQNR. */
export interface ComparedLayersView {
  layers: Pick<LayerDifference, 'layer' | 'op' | 'accumulated' | 'local' | 'reason'>[];
  /** Of all. */
  count: number;
  samples: number;
  slice: 'verify' | 'all';
  /** Why layers have no counterpart; the first ones of each side. */
  unmatched: { side: 'A' | 'B'; layer: string; reason: string }[];
}

export interface ComparisonSnapshot {
  id: string;
  a: string;
  b: string;
  /** B is what the plan makes of A, and is not kept. */
  isPlan: boolean;
  /** Name of the data. */
  data: string;
  random: boolean;
  slice: 'verify' | 'all';
  samples: number;
  outputs: (Omit<Output, 'details' | 'sample'> & { hasDetails: boolean })[];
  layers: ComparedLayersView | { reason: string };
  costs: Pick<CompareResult, 'latencyMs' | 'peakMemoryBytes' | 'bytes' | 'deflatedBytes'>;
  notes: string[];
}

/** A row of the list of samples. */
export type SampleRow = Omit<SampleOutcome, 'best'> & { a: number | null; b: number | null };

export interface OutputView extends Pick<
  OutputDetails,
  'classes' | 'classNames' | 'flipCount' | 'vectors' | 'differences' | 'points' | 'stride' | 'elements'
> {
  /** Those whose class changes first, then those with the greatest error. */
  samples: SampleRow[];
  labelled: number;
  /** The most frequent ones. */
  mistakes: Mistake[];
  mistakeCount: number;
}

export interface ComparisonMethods extends ExportMethods {
  /** null: the comparison is no longer there. */
  ready(request: Record<string, never>): Promise<ComparisonSnapshot | null>;
  /** @throws when the output has no details. */
  output(request: { name: string }): Promise<OutputView>;
  outcome(request: { output: string; sample: number }): Promise<SampleOutcome>;
  describeSample(request: { sample: number }): Promise<SampleDescription>;
  /** Opens the comparison as a Markdown document. */
  openMarkdown(request: Record<string, never>): Promise<null>;
}
