import type { FormatOptions } from '../quant/layerFormat';
import type { ActivationRangeRule, ActivationType, LayerScheme, SchemeId, StaticType } from '../quant/scheme';
import type { OutputKind } from '../graph/types';

export const PLAN_VERSION = 1;

/** What a plan says about one layer or node. */
export interface PlanEntry extends FormatOptions {
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

/** What a plan says about one activation, in place of what calibration would. */
export interface TensorOverride {
  /** Element type of its pair. */
  readonly type?: StaticType;
  readonly symmetric?: boolean;
  /** Its own rule; not together with the fixed range or parameters below. */
  readonly range?: Exclude<ActivationRangeRule, 'auto'>;
  /** A fixed range: both or none. */
  readonly min?: number;
  readonly max?: number;
  /** Fixed parameters: both or none, and then no range. */
  readonly scale?: number;
  readonly zeroPoint?: number;
}

/** What makes up for the errors of quantized weights, with calibration inputs alone; done in this order. */
export const RECOVER_STEPS = ['equalize', 'gptq', 'inq', 'descent', 'refit', 'bias'] as const;
export type RecoverStep = (typeof RECOVER_STEPS)[number];

export interface RecoverRecipe {
  /** In the order of `RECOVER_STEPS`, each once; not both gptq and inq. */
  readonly steps: readonly RecoverStep[];
  /**
   * False: each layer is fitted and judged as the only one that is quantized, so that its codes depend on no other layer; not
   * with equalize. Absent: layer after layer, each making up for those before it as well.
   */
  readonly sequential?: false;
}

/** `model.quant.json`: which node gets which scheme, model-wide settings, and the calibration recipe. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  /** Scheme of every quantizable layer that `layers` does not name. `auto` nodes follow their inputs. */
  readonly defaultScheme: LayerScheme;
  /** Options of `defaultScheme`. */
  readonly defaultOptions?: FormatOptions;
  readonly activationType: ActivationType;
  /** Activation ranges are made symmetric about zero; absent: they are not. */
  readonly activationSymmetric?: boolean;
  readonly activationRange: ActivationRangeRule;
  /** Node name → entry. */
  readonly layers: Readonly<Record<string, PlanEntry>>;
  /** Value name → what its pair is like. Every name must be a value that the plan quantizes. */
  readonly tensors?: Readonly<Record<string, TensorOverride>>;
  /** Output name → override of the detected kind. */
  readonly outputs?: Readonly<Record<string, { readonly kind: OutputKind; readonly classAxis?: number }>>;
  /** Symbolic dimension → size. */
  readonly dimensions?: Readonly<Record<string, number>>;
  readonly calibration?: CalibrationRecipe;
  /** Absent: weights are rounded to the nearest. */
  readonly recover?: RecoverRecipe;
}
