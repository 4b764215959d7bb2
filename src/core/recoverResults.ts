/** What recovering accuracy tells. Plain JSON only. */
import type { RecoverStep } from './plan/types';

/** A correction that was tried on a layer, or on the model. */
export interface TriedCorrection {
  step: RecoverStep;
  /**
   * Which of two versions was better: biases by the means that were measured (`empirical`), or by those that a BatchNormalization
   * tells (`analytic`). Absent: there was one.
   */
  version?: 'empirical' | 'analytic';
  /** Whether the output got better with it; if not, it was left out. */
  kept: boolean;
  /** SQNR of the model's output on held-out samples before and with it; null: no error, or none that is finite. */
  beforeDb: number | null;
  afterDb: number | null;
}

/** What became of one layer. */
export interface RecoveredLayer {
  name: string;
  /** What chose the codes: `nearest` where no other rule was asked for, or where it made the output worse. */
  rule: 'nearest' | 'gptq' | 'inq' | 'descent';
  /**
   * SQNR at the layer's output, as far as its weights can change it, with the nearest codes and with those in the file; null:
   * unknown, or no error.
   */
  beforeDb: number | null;
  afterDb: number | null;
  tried: TriedCorrection[];
  /** Why nothing could be tried, following "as it"; absent: something was. */
  reason?: string;
}

/** What became of all. */
export interface RecoverResult {
  steps: RecoverStep[];
  /** Samples that corrections were fitted to, and that judged them: the same ones where too few are left to hold some out. */
  samples: { fit: number; judge: number; heldOut: boolean };
  /**
   * SQNR of the simulated model's output on the judging samples, with the nearest codes and with what was kept. Layers that are
   * passed over are float in both.
   */
  beforeDb: number | null;
  afterDb: number | null;
  layers: RecoveredLayer[];
}
