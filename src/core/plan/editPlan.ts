import { optionsIn, type LayerFormat, type RowFormat } from '../quant/layerFormat';
import type { LayerScheme, SchemeId } from '../quant/scheme';
import type { Plan, PlanEntry } from './types';

/**
 * The scheme of a node: its own entry, else the default for layers, else `auto` for nodes without a weight. A layer whose
 * entry says `auto` follows the default.
 */
export function schemeOf(plan: Plan, name: string, isLayer: true): LayerScheme;
export function schemeOf(plan: Plan, name: string, isLayer: boolean): SchemeId;
export function schemeOf(plan: Plan, name: string, isLayer: boolean): SchemeId {
  // Object.hasOwn: a node may be called `constructor`.
  const scheme = Object.hasOwn(plan.layers, name) ? plan.layers[name]?.scheme : undefined;
  if (isLayer && (scheme === undefined || scheme === 'auto')) return plan.defaultScheme;
  return scheme ?? 'auto';
}

/** Scheme and options of a layer: those of its own entry, else the plan's default. */
export function formatOf(plan: Plan, name: string): LayerFormat {
  const entry = Object.hasOwn(plan.layers, name) ? plan.layers[name] : undefined;
  if (!entry || entry.scheme === 'auto') return { ...plan.defaultOptions, scheme: plan.defaultScheme };
  return { ...optionsIn(entry), scheme: entry.scheme };
}

/** The format of any row: a node without a weight has its entry's scheme, or `auto`. */
export function rowFormatOf(plan: Plan, name: string, isLayer: boolean): RowFormat {
  return isLayer ? formatOf(plan, name) : { scheme: schemeOf(plan, name, false) };
}

/** Schemes that quantize activations. */
export function isStatic(scheme: SchemeId): scheme is 'w8a8' | 'w8a16' {
  return scheme === 'w8a8' || scheme === 'w8a16';
}

/**
 * True when data must be there: for layers with quantized activations, whose ranges come from running the model, and to make up
 * for errors of weights. A plan that fixes some ranges may need none; whether it does, only the model's graph tells
 * (`activationsToCalibrate`).
 */
export function needsData(
  plan: Plan,
  layers: Iterable<{ readonly name: string; readonly quantizable: boolean }>,
): boolean {
  const quantized = [...layers].filter(
    ({ name, quantizable }) => quantizable && schemeOf(plan, name, true) !== 'float',
  );
  if (plan.recover && quantized.length > 0) return true;
  const fixesSome = Object.values(plan.tensors ?? {}).some(
    ({ min, scale }) => min !== undefined || scale !== undefined,
  );
  if (fixesSome) return false;
  return quantized.some(({ name }) => isStatic(schemeOf(plan, name, true)));
}

/** What a written model is called after: `model.onnx` → `model.w8a8.onnx`. */
export function planWord({ defaultScheme }: Plan): string {
  return defaultScheme === 'float' ? 'mixed' : defaultScheme;
}

/**
 * A plan in which each of `names` has `scheme`, or a scheme with options.
 * @param hashes weight hash per layer name, where known; recorded so that a later re-export is noticed.
 */
export function setScheme(
  plan: Plan,
  names: readonly string[],
  format: SchemeId | RowFormat,
  hashes: Readonly<Record<string, string>> = {},
): Plan {
  const entry = typeof format === 'string' ? { scheme: format } : format;
  const entries = names.map((name): [string, PlanEntry] => {
    const weightHash = Object.hasOwn(hashes, name) ? hashes[name] : undefined;
    return [name, weightHash ? { ...entry, weightHash } : entry];
  });
  return { ...plan, layers: Object.fromEntries([...Object.entries(plan.layers), ...entries]) };
}

/** A plan whose entries all carry the hash of their weight, where it is known. Hashes that are there stay. */
export function stampHashes(plan: Plan, hashes: ReadonlyMap<string, string>): Plan {
  const layers = Object.entries(plan.layers).map(([name, entry]): [string, PlanEntry] => {
    const weightHash = entry.weightHash ?? hashes.get(name);
    return [name, weightHash ? { ...entry, weightHash } : entry];
  });
  return { ...plan, layers: Object.fromEntries(layers) };
}

/** A plan in which only `name` has `scheme` and every other node is float: one trial of a scan. */
export function onlyLayer(plan: Plan, name: string, format: LayerFormat): Plan {
  const { defaultOptions: _, ...rest } = plan;
  return { ...rest, defaultScheme: 'float', layers: Object.fromEntries([[name, format]]) };
}

/** Entries that no longer fit the model they are applied to. */
export interface PlanMismatch {
  /** The node is there, but its weight is not the one the entry was made for. */
  readonly changed: readonly string[];
  /** There is no node of that name. */
  readonly missing: readonly string[];
}

/**
 * Compares the plan with a model.
 * @param nodeNames every node that a plan can name.
 * @param hashes weight hash per layer name; layers that it lacks are not compared.
 */
export function matchPlan(
  plan: Plan,
  nodeNames: Iterable<string>,
  hashes: Readonly<Record<string, string>>,
): PlanMismatch {
  const present = new Set(nodeNames);
  const changed: string[] = [];
  const missing: string[] = [];
  for (const [name, { weightHash }] of Object.entries(plan.layers)) {
    const actual = Object.hasOwn(hashes, name) ? hashes[name] : undefined;
    if (!present.has(name)) missing.push(name);
    else if (weightHash !== undefined && actual !== undefined && weightHash !== actual) changed.push(name);
  }
  return { changed, missing };
}
