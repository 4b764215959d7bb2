/** Edits of a plan as values that can be applied and reversed: the base of undo, redo and hot exit. */
import { setScheme } from '../../core/plan/editPlan';
import { withRecover } from '../../core/plan/recover';
import type { CalibrationRecipe, Plan, PlanEntry, RecoverRecipe, RecoverStep } from '../../core/plan/types';
import { formatText, type RowFormat } from '../../core/quant/layerFormat';
import { withFormats } from '../../core/plan/layerFormats';
import type { SearchPoint } from '../../core/searchResults';
import { formatBytes } from '../../shared/format';

type Settings = Omit<Plan, 'layers'>;

interface EntryChange {
  readonly name: string;
  /** null: the plan has no entry of that name. */
  readonly before: PlanEntry | null;
  readonly after: PlanEntry | null;
}

export interface PlanEdit {
  /** Shown by the editor beside Undo. */
  readonly label: string;
  readonly entries: readonly EntryChange[];
  readonly settings: { readonly before: Settings; readonly after: Settings } | null;
}

export type Direction = 'forward' | 'backward';

/** Applies the edit, or takes it back. What the edit does not name stays as it is. */
export function applyEdit(plan: Plan, edit: PlanEdit, direction: Direction): Plan {
  const layers = new Map(Object.entries(plan.layers));
  for (const { name, before, after } of edit.entries) {
    const entry = direction === 'forward' ? after : before;
    if (entry) layers.set(name, entry);
    else layers.delete(name);
  }
  const settings = edit.settings
    ? edit.settings[direction === 'forward' ? 'after' : 'before']
    : settingsOf(plan);
  return { ...settings, layers: Object.fromEntries(layers) };
}

/** Gives each of `names` the format. @param hashes weight hash by layer name, as far as known. */
export function schemeEdit(
  plan: Plan,
  names: readonly string[],
  format: RowFormat,
  hashes: ReadonlyMap<string, string>,
): PlanEdit {
  const entries = names.map((name): EntryChange => {
    const weightHash = hashes.get(name);
    return { name, before: entryOf(plan, name), after: weightHash ? { ...format, weightHash } : format };
  });
  const what = names.length === 1 ? (names[0] ?? '') : `${names.length} layers`;
  const { scheme } = format;
  const verb =
    scheme === 'float'
      ? 'Keep Float'
      : scheme === 'auto'
        ? 'Follow Inputs'
        : `Quantize (${formatText(format)})`;
  return { label: `${verb}: ${what}`, entries, settings: null };
}

/** Sets the size of a symbolic dimension; null makes it unknown again. */
export function dimensionEdit(plan: Plan, name: string, size: number | null): PlanEdit {
  const dimensions = new Map(Object.entries(plan.dimensions ?? {}));
  if (size === null) dimensions.delete(name);
  else dimensions.set(name, size);
  const { dimensions: _, ...rest } = settingsOf(plan);
  const after = dimensions.size > 0 ? { ...rest, dimensions: Object.fromEntries(dimensions) } : rest;
  const label = size === null ? `Clear Dimension: ${name}` : `Set Dimension: ${name} = ${size}`;
  return { label, entries: [], settings: { before: settingsOf(plan), after } };
}

/** Fixes the range of an activation, whatever rule it had; null leaves it to calibration again. Its type stays. */
export function fixedRangeEdit(
  plan: Plan,
  value: string,
  range: { readonly min: number; readonly max: number } | null,
): PlanEdit {
  const tensors = new Map(Object.entries(plan.tensors ?? {}));
  const { type, symmetric } = tensors.get(value) ?? {};
  const kept = { ...(type && { type }), ...(symmetric !== undefined && { symmetric }) };
  const next = { ...kept, ...range };
  if (Object.keys(next).length > 0) tensors.set(value, next);
  else tensors.delete(value);
  const { tensors: _, ...rest } = settingsOf(plan);
  const after = tensors.size > 0 ? { ...rest, tensors: Object.fromEntries(tensors) } : rest;
  const label = `${range ? 'Fix Range' : 'Calibrate Range'}: ${value}`;
  return { label, entries: [], settings: { before: settingsOf(plan), after } };
}

export function calibrationEdit(plan: Plan, calibration: CalibrationRecipe): PlanEdit {
  return settingsEdit(plan, 'Choose Calibration Data', { calibration });
}

/** Changes what holds for the whole plan. */
export function settingsEdit(plan: Plan, label: string, changes: Partial<Settings>): PlanEdit {
  const before = settingsOf(plan);
  return { label, entries: [], settings: { before, after: { ...before, ...changes } } };
}

/** Turns `plan` into `next` as one step, such as when the plan file changed outside and the user took it over. */
export function replaceEdit(plan: Plan, next: Plan, label = 'Reload Plan'): PlanEdit {
  const names = new Set([...Object.keys(plan.layers), ...Object.keys(next.layers)]);
  const entries = [...names].map((name) => ({
    name,
    before: entryOf(plan, name),
    after: entryOf(next, name),
  }));
  return { label, entries, settings: { before: settingsOf(plan), after: settingsOf(next) } };
}

/** Says what makes up for the errors of weights, and first gives layers a format where one was chosen. */
export function compensationEdit(
  plan: Plan,
  chosen:
    | {
        readonly names: readonly string[];
        readonly format: RowFormat;
        readonly hashes: ReadonlyMap<string, string>;
      }
    | undefined,
  steps: readonly RecoverStep[],
): PlanEdit {
  const formatted = chosen
    ? setScheme(plan, chosen.names, chosen.format, Object.fromEntries(chosen.hashes))
    : plan;
  const label = steps.length > 0 ? `Compensate: ${steps.join(', ')}` : 'Round to the Nearest';
  // Where layers were each on their own, they stay so, unless a step changes them together.
  const isAlone = plan.recover?.sequential === false && !steps.includes('equalize');
  return replaceEdit(plan, withRecover(formatted, steps, { sequential: !isAlone }), label);
}

/** Gives the layers of a searched plan its formats, and the plan the recipe that it was searched with; entries of other layers stay. */
export function searchedEdit(
  plan: Plan,
  { layers, bytes }: Pick<SearchPoint, 'layers' | 'bytes'>,
  recipe?: RecoverRecipe,
): PlanEdit {
  const next = withRecover(withFormats(plan, layers), recipe?.steps ?? [], recipe);
  return replaceEdit(plan, next, `Apply Searched Plan (${formatBytes(bytes)})`);
}

/** Whether figures measured under `a` hold under `b`: data, ranges and shapes are the same. */
export function sameMeasurement(a: Plan, b: Plan): boolean {
  const key = ({
    activationType,
    activationRange,
    activationSymmetric,
    tensors,
    calibration,
    dimensions,
    outputs,
  }: Plan): string =>
    JSON.stringify([
      activationType,
      activationRange,
      activationSymmetric,
      tensors,
      calibration,
      dimensions,
      outputs,
    ]);
  return key(a) === key(b);
}

function entryOf(plan: Plan, name: string): PlanEntry | null {
  return (Object.hasOwn(plan.layers, name) ? plan.layers[name] : undefined) ?? null;
}

function settingsOf({ layers: _, ...settings }: Plan): Settings {
  return settings;
}
