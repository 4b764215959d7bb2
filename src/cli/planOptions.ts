import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { setScheme } from '../core/plan/editPlan';
import { defaultPlan, parsePlan, planPathFor } from '../core/plan/planFile';
import { recoverMistake, withRecover } from '../core/plan/recover';
import type { CalibrationRecipe, Plan } from '../core/plan/types';
import { optionsIn, parseFormat, type LayerFormat } from '../core/quant/layerFormat';
import type { LayerRow, ModelSummary } from '../core/results';
import type { DataRequest } from '../shared/rpc';
import { RANDOM } from '../engine/data/randomDataSet';
import { fileError } from '../engine/files/fileErrors';
import { UsageError } from './cliIo';
import { matchRows } from './layerGlobs';
import type { ActivationOptions, DataOptions } from './optionValues';
import type { QuantizeOptions } from './quantizeOptions';
import type { RecoverOption } from './recoverOption';

/** The plan file of --plan, or the default plan, with what the options say about activations, recovery and dimensions. */
export async function basePlan({
  plan: file,
  activationRange,
  activationType,
  activationSymmetric,
  tensor,
  dim,
  recover,
  sequential,
}: ActivationOptions & DataOptions & RecoverOption & { plan?: string }): Promise<Plan> {
  const given = file === undefined ? defaultPlan : parsePlan(await readPlan(file), file);
  const plan = withRecoverOptions(given, { recover, sequential });
  return {
    ...plan,
    activationRange: activationRange ?? plan.activationRange,
    activationType: activationType ?? plan.activationType,
    ...(activationSymmetric && { activationSymmetric }),
    ...(tensor && { tensors: { ...plan.tensors, ...tensor } }),
    ...(dim && { dimensions: { ...plan.dimensions, ...dim } }),
  };
}

/** @throws UsageError for an order that the steps cannot have. */
function withRecoverOptions(plan: Plan, { recover, sequential }: RecoverOption): Plan {
  if (!recover && sequential !== false) return plan;
  const steps = recover ?? plan.recover?.steps;
  if (!steps) throw new UsageError('--no-sequential goes with --recover.');
  const order = { sequential: sequential !== false && plan.recover?.sequential !== false };
  const mistake = recoverMistake(steps, order);
  if (mistake !== undefined) throw new UsageError(mistake);
  return withRecover(plan, steps, order);
}

function readPlan(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError('read', file, error);
  });
}

/**
 * What to tell about a plan that lies beside the model and was not asked for: it is not used, so that a command means
 * the same whatever else is in the folder.
 */
export function unusedPlanNotes(model: string, plan: string | undefined): string[] {
  const beside = planPathFor(model);
  if (plan !== undefined || !existsSync(beside)) return [];
  return [`The plan ${beside} beside the model was not used: --plan ${beside} starts from it.`];
}

/**
 * `plan` with --scheme, --layer and --exclude applied, in that order.
 * @throws UsageError when a glob matches nothing or a scheme is unknown.
 */
export function applySchemes(
  plan: Plan,
  { scheme, layer = [], exclude = [] }: Pick<QuantizeOptions, 'scheme' | 'layer' | 'exclude'>,
  { layers, nodes }: Pick<ModelSummary, 'layers' | 'nodes'>,
): Plan {
  let next: Plan = scheme ? withDefault(plan, scheme) : plan;
  for (const assignment of layer) {
    const at = assignment.lastIndexOf('=');
    if (at < 1) throw new UsageError(`--layer ${assignment} must be GLOB=SCHEME, such as "features*=float".`);
    const glob = assignment.slice(0, at);
    next = setScheme(next, matchRows(glob, layers, '--layer'), formatIn(assignment.slice(at + 1)));
  }
  const all: LayerRow[] = [...layers, ...nodes];
  for (const glob of exclude) next = setScheme(next, matchRows(glob, all, '--exclude'), 'float');
  return next;
}

function withDefault(plan: Plan, format: LayerFormat): Plan {
  const { defaultOptions: _, ...rest } = plan;
  const options = optionsIn(format);
  const hasOptions = Object.keys(options).length > 0;
  return { ...rest, defaultScheme: format.scheme, ...(hasOptions && { defaultOptions: options }) };
}

function formatIn(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new UsageError(`--layer: ${format.mistake}`);
  return format;
}

/** The data of --data, or else that of the plan file; undefined when neither names any. */
export function dataRequest(options: DataOptions & { plan?: string }, plan: Plan): DataRequest | undefined {
  const { data, samples, seed } = options;
  if (data !== undefined) return { data, samples, seed };
  const recipe = plan.calibration;
  if (!recipe) return undefined;
  const path = recipe.data === RANDOM ? RANDOM : resolve(dirname(options.plan ?? '.'), recipe.data);
  return { data: path, samples: samples ?? recipe.samples, seed: seed ?? recipe.seed };
}

/** The recipe as the plan file `planFile` keeps it: data relative to it when it is on the same drive. */
export function recipeFor(planFile: string, recipe: CalibrationRecipe): CalibrationRecipe {
  if (recipe.data === RANDOM) return recipe;
  const way = relative(dirname(resolve(planFile)), resolve(recipe.data));
  return { ...recipe, data: isAbsolute(way) ? way : way.replaceAll(sep, '/') };
}
