/** What a report tells: plain JSON, like all of results.ts. Paths are names relative to the report, never absolute. */
import type { LayerComparison } from './compareResults';
import type { Plan } from './plan/types';
import type { RecoverResult } from './recoverResults';
import type { CompareResult, QuantizedLayer, ScanMetric } from './results';

export interface ReportLayer {
  layer: string;
  op: string;
  /** Scheme with options, as the command line takes it. */
  scheme: string;
  bits: number;
  bytesBefore: number;
  bytesAfter: number;
  /** Of the weight; null: exact, or not quantized. */
  weightSqnrDb: QuantizedLayer['weightSqnrDb'];
  /** By the scan, in this scheme; null: not measured. */
  sensitivity: number | null;
  /** At the layer's output; absent: could not be compared, null: identical. */
  accumulatedSqnrDb?: number | null;
  localSqnrDb?: number | null;
}

export interface ReportMachine {
  processor: string;
  cores: number;
  platform: string;
  node: string;
  runtime: string;
}

/** What changes from one report of the same plan to the next. */
export interface ReportRun {
  /** ISO 8601, UTC. */
  date: string;
  machine: ReportMachine;
  seconds: number;
  latencyMs: CompareResult['latencyMs'];
  peakMemoryBytes: CompareResult['peakMemoryBytes'];
}

export interface ReportData {
  /** File name of the model. */
  model: string;
  plan: Plan;
  data: { name: string; calibrate: number; verify: number; seed: number };
  bytes: CompareResult['bytes'];
  deflatedBytes: CompareResult['deflatedBytes'];
  layers: ReportLayer[];
  /** What recovering the accuracy did; absent: the plan asks for none. */
  recovered?: RecoverResult;
  unmatched: LayerComparison['unmatched'];
  /** Samples that layers were compared on, of the verify slice. */
  layerSamples: number;
  /** Written file against float file, verify slice. */
  outputs: CompareResult['outputs'];
  samples: number;
  scan: { metric: ScanMetric; samples: number } | null;
  notes: string[];
  run: ReportRun;
}

export interface ReportResult {
  folder: string;
  /** Names within the folder, the report first. */
  files: string[];
  report: ReportData;
}
