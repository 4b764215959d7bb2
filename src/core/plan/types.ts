import type { ActivationRangeRule, ActivationType, LayerScheme, SchemeId } from '../quant/scheme';
import type { OutputKind } from '../graph/types';

export const PLAN_VERSION = 1;

/** What a plan says about one layer or node. */
export interface PlanEntry {
  readonly scheme: SchemeId;
  /** Hash of the weight the entry was made for (`sha256:` + 16 hex digits); absent for nodes without a weight. */
  readonly weightHash?: string;
}

export interface CalibrationRecipe {
  /** As the user gave it: a path relative to the plan file, or the word `random`. */
  readonly data: string;
  readonly samples: number;
  /** Deals the slices. */
  readonly seed: number;
}

/** `model.quant.json`: which node gets which scheme, model-wide settings, and the calibration recipe. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  /** Scheme of every quantizable layer that `layers` does not name. `auto` nodes follow their inputs. */
  readonly defaultScheme: LayerScheme;
  readonly activationType: ActivationType;
  readonly activationRange: ActivationRangeRule;
  /** Node name → entry. */
  readonly layers: Readonly<Record<string, PlanEntry>>;
  /** Output name → override of the detected kind. */
  readonly outputs?: Readonly<Record<string, { readonly kind: OutputKind; readonly classAxis?: number }>>;
  /** Symbolic dimension → size. */
  readonly dimensions?: Readonly<Record<string, number>>;
  readonly calibration?: CalibrationRecipe;
}
