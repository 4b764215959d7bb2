import { resolve } from 'node:path';
import { serializePlan } from '../core/plan/planFile';
import type { CalibrationRecipe, Plan } from '../core/plan/types';
import { AtomicFile, writeTogether } from '../engine/files/atomicFile';
import type { OpenedModel } from '../engine/files/modelFile';
import { requireWritable } from '../engine/files/requireWritable';
import { refuseOpened } from '../engine/files/writeModelFile';
import { UsageError } from './cliIo';
import { recipeFor } from './planOptions';

/** Writes a plan file with the data that its ranges came from. */
export async function writePlan(
  file: string,
  plan: Plan,
  calibration: CalibrationRecipe | undefined,
): Promise<void> {
  const recorded = calibration ? { ...plan, calibration: recipeFor(file, calibration) } : plan;
  const written = new AtomicFile(resolve(file));
  await writeTogether([written], () => written.write(new TextEncoder().encode(serializePlan(recorded))));
}

/**
 * @param output what else is written, and the option that says so.
 * @throws UsageError or RoundoffError, before any work, when the plan would replace the model or the output, or cannot be written.
 */
export async function checkPlanPath(
  planFile: string,
  output: { readonly path: string; readonly option: string } | undefined,
  { model, path }: OpenedModel,
): Promise<void> {
  const target = resolve(planFile);
  if (output && target === resolve(output.path)) {
    throw new UsageError(
      `--write-plan and ${output.option} name the same file, ${planFile}: give the plan another name.`,
    );
  }
  await refuseOpened(target, model, [path]);
  await requireWritable(target);
}
