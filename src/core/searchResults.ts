/** What `search` returns: plain JSON, like all of results.ts. */
import type { RecoverRecipe } from './plan/types';

/**
 * What a search can bound. `bops`: bit-operations, MACs × bits of the weight × bits of the activations. `latency`: milliseconds of
 * one run on this machine.
 */
export type SearchCost = 'bytes' | 'bops' | 'latency' | 'floatLayers';

/**
 * What a search is for: the least error within a budget, or the least cost within a limit of the error.
 * `ratio`: `most` is a share of what the float model has.
 */
export type SearchGoal =
  | { kind: 'budget'; cost: SearchCost; most: number; ratio?: boolean }
  | { kind: 'cap'; error: ErrorCap; limit: number; cost: 'bytes' | 'bops' | 'latency' };

/** Largest KL divergence (nats), least SQNR (dB), largest loss of accuracy, least agreement of top classes (shares). */
export type ErrorCap = 'kl' | 'sqnr' | 'accuracyDrop' | 'agreement';

/** A plan that was built, written, read again and run at full optimization. */
export interface VerifiedPlan {
  slice: 'verify';
  samples: number;
  /** In the unit of the result's metric. */
  error: number;
  /** Of the error, over the samples; null: fewer than two. */
  standardError: number | null;
  /** By the mean NMSE of the outputs; null: identical. */
  sqnrDb: number | null;
  /** Share of top classes that stay the float model's; null: no output has classes. */
  agreement: number | null;
  /** null: the samples have no labels. */
  accuracy: { float: number; plan: number } | null;
}

/** A plan among those that no other beats in cost and predicted error, or one that was tried beside them. */
export interface SearchPoint {
  /** Of the file; exact once verified. */
  bytes: number;
  /** Of the layers with weights; null: some of their shapes are unknown. */
  bops: number | null;
  /** Milliseconds of one run at full optimization: measured once verified, else foretold; null: it was not asked for. */
  latencyMs: number | null;
  /** Layers of the search that stay float. */
  floatLayers: number;
  /** Sum of what the layers cost; of a plan that was simulated as a whole, what that gave. In the unit of the metric. */
  predicted: number;
  /** null: not run. */
  verified: VerifiedPlan | null;
  /** Layer → format with options, as the command line takes it. */
  layers: Record<string, string>;
}

/** What keeping the most sensitive layers float gains. */
export interface FloatCurve {
  /** Of all other layers. */
  format: string;
  points: {
    floatLayers: number;
    bytes: number;
    bops: number | null;
    /** Those that stay float. */
    layers: string[];
    predicted: number;
    /** Simulated on the scan slice. */
    measured: number;
  }[];
}

export interface SearchResult {
  goal: SearchGoal;
  /** `nmse`: mean over the outputs. */
  metric: 'kl' | 'nmse';
  /** What the plans found recover accuracy by; absent: nothing. */
  recover?: RecoverRecipe;
  /** Of the float model. */
  float: { bytes: number; bops: number | null; latencyMs: number | null };
  /** By cost, the least first. */
  front: SearchPoint[];
  /** The best plan found, whether or not the limit is met. */
  chosen: SearchPoint;
  met: boolean;
  /** null: cancelled before. */
  curve: FloatCurve | null;
  /** Times that effects of layers were measured again around the best plan until then, because their sum was off. */
  rounds: number;
  /** Plans that were run, simulated or as files. */
  trials: number;
  seconds: number;
  /** True when cancelled: what was found until then. */
  partial: boolean;
  /** The data that the ranges came from, and how it was dealt. */
  calibration?: { data: string; samples: number; seed: number };
  notes: string[];
}
