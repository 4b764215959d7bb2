import { basename, dirname, join } from 'node:path';
import { needsData, planWord, stampHashes } from '../core/plan/editPlan';
import type { Plan } from '../core/plan/types';
import type { ModelSummary, QuantizeResult } from '../core/results';
import { openModelFile } from '../engine/files/modelFile';
import { inspectModel, weightHashes } from '../engine/inspect';
import { cacheRequest } from './cacheOptions';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { dryRun } from './dryRun';
import { applyPreset, checkPresetOptions } from './preset';
import { applySchemes, basePlan, dataRequest, unusedPlanNotes } from './planOptions';
import { checkPlanPath, writePlan } from './planOutput';
import type { QuantizeOptions } from './quantizeOptions';
import { labelCounts } from '../core/quant/schemeCatalog';
import { recoveredText } from './recoveredText';
import { bytesText, countText, decibelText, jsonText, table } from './text';
import { weightText } from './weightText';

/** `roundoff quantize FILE`: writes a quantized model and tells what it lost. */
export async function quantize(file: string, options: QuantizeOptions, io: CliIo): Promise<number> {
  if (options.dryRun && options.writePlan !== undefined) {
    throw new UsageError('--dry-run writes nothing: leave --write-plan out.');
  }
  checkPresetOptions(options);
  const opened = await openModelFile(file, io);
  let plan: Plan;
  let output: string;
  let ops: ReadonlyMap<string, string>;
  const presetNotes: string[] = [];
  try {
    const summary = await inspectModel(opened, options.dim);
    ops = new Map(summary.layers.map(({ name, op }) => [name, op]));
    plan = applySchemes(await basePlan(options), options, summary);
    if (options.preset) {
      const filled = await applyPreset(file, plan, options.preset, options, io);
      plan = applySchemes(filled.plan, { layer: options.layer, exclude: options.exclude }, summary);
      presetNotes.push(...filled.notes);
    }
    if (!options.dryRun && !dataRequest(options, plan)) requireNoData(plan, summary);
    output = options.output ?? defaultOutput(file, plan);
    if (options.writePlan !== undefined) {
      await checkPlanPath(options.writePlan, { path: output, option: '-o' }, opened);
    }
    // Recorded, so that a later run notices when the model was trained again.
    if (options.writePlan !== undefined) {
      plan = stampHashes(plan, new Map(Object.entries(await weightHashes(opened, io))));
    }
  } finally {
    await opened.close();
  }
  const planNotes = [...unusedPlanNotes(file, options.plan), ...presetNotes];
  if (options.dryRun) return dryRun(file, plan, options, planNotes, io);
  const quantized = await callEngine(io, 'quantize', {
    file,
    plan,
    calibration: dataRequest(options, plan),
    output,
    // The text does not tell.
    countUnique: options.json === true,
    ...(plan.recover && cacheRequest(options)),
  });
  // A preset works on the same model and finds some of the same.
  const result = { ...quantized, notes: [...new Set([...planNotes, ...quantized.notes])] };
  if (options.writePlan !== undefined) {
    await writePlan(options.writePlan, plan, result.calibration);
  }
  io.stdout(options.json ? jsonText(result) : describeResult(result, ops));
  return ExitCode.done;
}

/** In the model's folder, named after the plan. */
function defaultOutput(file: string, plan: Plan): string {
  return join(dirname(file), `${basename(file).replace(/\.onnx$/i, '')}.${planWord(plan)}.onnx`);
}

/** @throws UsageError when the plan needs data. */
function requireNoData(plan: Plan, { layers }: ModelSummary): void {
  if (!needsData(plan, layers)) return;
  if (plan.recover) {
    throw new UsageError(
      `Recovering accuracy (${plan.recover.steps.join(', ')}) needs inputs of the model: give --data PATH, or --recover none.`,
    );
  }
  throw new UsageError(
    'w8a8 quantizes activations, whose ranges come from data: give --data PATH (.npz arrays, a folder of images with ' +
      'preprocess.json, or ONNX test data). Without data, weights alone can be ' +
      'quantized: --scheme w8. `--data random` makes inputs up, for a trial of speed and size: its ranges do not suit real inputs.',
  );
}

/** @param ops operator by layer name. */
function describeResult(result: QuantizeResult, ops: ReadonlyMap<string, string>): string {
  const { bytes, totals, verification } = result;
  const rows = result.layers.map((layer) => [
    layer.name,
    layer.scheme,
    weightText(layer),
    layer.scheme === 'float' ? '' : decibelText(layer.weightSqnrDb),
    bytesText(layer.bytesBefore),
    bytesText(layer.bytesAfter),
  ]);
  const header = ['layer', 'scheme', 'weight', 'weight SQNR', 'before', 'after'];
  const percent = ((100 * bytes.after) / bytes.before).toFixed(1);
  const lines = [
    table(header, rows, new Set([3, 4, 5])),
    '',
    `${countText(totals.quantized)} layers quantized, ${countText(totals.float)} float`,
    ...labelCounts(result.layers.map((layer) => ({ ...layer, op: ops.get(layer.name) }))),
    `${bytesText(bytes.before)} → ${bytesText(bytes.after)} (${percent} %)`,
    ...(verification?.outputs ?? []).map(
      ({ name, sqnrDb }) =>
        `output ${name}: SQNR ${decibelText(sqnrDb)} against float, ${verification?.samples ?? 0} samples of the verify slice, run at full optimization`,
    ),
    ...recoveredText(result),
    ...result.notes.map((note) => `note: ${note}`),
    `Wrote ${result.output} in ${result.seconds.toFixed(1)} s`,
  ];
  return `${lines.join('\n')}\n`;
}
