import type { CalibrationSource } from '../calibrate/calibrate';
import { chooseWeights } from '../calibrate/chooseWeights';
import { throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Plan, RecoverStep } from '../plan/types';
import type { Compute, ResultCache, Work } from '../ports';
import type { RecoveredLayer, RecoverResult, TriedCorrection } from '../recoverResults';
import { addToBiases } from '../rewrite/addToBiases';
import { equalize } from '../rewrite/equalize/equalize';
import { listed } from '../rewrite/notes';
import type { EncodingChoice } from '../rewrite/weights/encodeWeight';
import { collectMoments } from './collectMoments';
import { computeHere } from './compute';
import { KeptLayers } from './keptLayers';
import { layerTasks, type LayerTask } from './layerTask';
import { decibels, OutputJudge } from './outputJudge';
import { recoverLayer, withDone, type LayerTools } from './recoverLayer';
import { RuntimeMultiply } from './runtimeMultiply';
import { readBatches } from './sampleBatches';

/** What recovering needs beside calibration inputs. */
export interface RecoverSource extends CalibrationSource {
  /** Absent: the caller's own thread. */
  readonly compute?: Compute;
  /** Keeps layers that are done, so that a run that was stopped goes on from there. */
  readonly cache?: ResultCache;
}

export interface Recovered {
  /** The prepared model with channels evened out and biases that make up for errors. */
  readonly model: Model;
  /** What the weights of layers are: by layer name. */
  readonly choices: ReadonlyMap<string, EncodingChoice>;
  readonly result: RecoverResult;
  readonly notes: readonly string[];
}

/**
 * Makes up for the errors of weights with few codes, by the steps of the plan's recipe. Layer by layer in the order of the
 * graph: what the layer reads comes from the model whose earlier layers are as they will be in the file (their activations
 * float, whatever the plan says), and its codes are chosen to give what the float model's layer gives. Every eighth sample fits
 * nothing and judges: a correction is kept where the model's output gets better on those.
 *
 * Memory: the samples (see `readBatches`), the moments of one layer and the codes of all.
 * @param prepared the model as `prepareFloat` makes it.
 * @throws InputError when the slice is empty or a weight is not finite.
 * @throws CancelledError
 */
export async function recover(
  prepared: Model,
  plan: Plan,
  source: RecoverSource,
  work: Work = {},
): Promise<Recovered> {
  const { runtime, slice, compute = computeHere, cache } = source;
  const steps = plan.recover?.steps ?? [];
  const quiet: Work = work.signal ? { signal: work.signal } : {};
  const batches = await readBatches(runtime, prepared, slice, work);
  const judge = new OutputJudge(runtime, batches.judge);
  const evened = steps.includes('equalize') ? await evenOut(prepared, plan, judge, quiet) : undefined;
  const float = evened?.model ?? prepared;
  const weights = await chooseWeights(float, plan, source, work);
  const { tasks, passedOver } = layerTasks(float, plan, weights.choices);
  const multiply = await RuntimeMultiply.open(runtime);
  try {
    const tools: LayerTools = { judge, compute, multiply: multiply.multiply };
    const kept = new KeptLayers(cache, runtime.version, plan, batches.used, evened?.tried.kept === true);
    const choices = new Map<string, EncodingChoice>(weights.choices);
    const deltas = new Map<string, Float32Array>();
    const layers: RecoveredLayer[] = [];
    let current = float;
    for (const [at, task] of tasks.entries()) {
      throwIfCancelled(work.signal);
      const { name } = task.layer;
      work.onProgress?.(at, tasks.length, `${wordOf(steps)}: layer ${at + 1} of ${tasks.length}, ${name}`);
      const known = await kept.next(task);
      const models = { runtime, float, current, batches: batches.fit };
      const moments = known
        ? undefined
        : await collectMoments(task.layer, task.view, task.value, models, { cross: true }, quiet);
      const done = known ?? (await recoverLayer(task, current, steps, moments, tools, quiet));
      if (!known) await kept.keep(done);
      current = withDone(current, task, done);
      choices.set(name, done.choice);
      if (done.delta) deltas.set(name, done.delta);
      layers.push(done.layer);
    }
    const nearest = await judge.error(allNearest(float, tasks), quiet);
    const recovered = await judge.error(current, quiet);
    const result: RecoverResult = {
      steps: [...steps],
      samples: { fit: batches.fitSamples, judge: batches.judgeSamples },
      beforeDb: decibels(nearest),
      afterDb: decibels(recovered),
      layers,
    };
    const notes = [
      ...weights.notes,
      ...(evened?.notes ?? []),
      ...notesOf(result, evened ? [evened.tried] : []),
      ...[...passedOver].map(
        ([reason, names]) => `${listed(names)}: rounded to the nearest, as it ${reason}.`,
      ),
    ];
    return { model: addToBiases(float, deltas), choices, result, notes };
  } finally {
    await multiply.release();
  }
}

interface EvenedOut {
  readonly model: Model;
  readonly tried: TriedCorrection;
  readonly notes: readonly string[];
}

/** Equalization, where the model with all weights at the nearest codes is better for it. */
async function evenOut(prepared: Model, plan: Plan, judge: OutputJudge, work: Work): Promise<EvenedOut> {
  const { model, notes } = await equalize(prepared, plan, work.signal);
  const errorOf = (each: Model) =>
    judge.error(allNearest(each, layerTasks(each, plan, new Map()).tasks), work);
  const before = await errorOf(prepared);
  const after = model === prepared ? before : await errorOf(model);
  const kept = after < before;
  const tried: TriedCorrection = {
    step: 'equalize',
    kept,
    beforeDb: decibels(before),
    afterDb: decibels(after),
  };
  return { model: kept ? model : prepared, tried, notes: kept ? notes : [] };
}

function allNearest(model: Model, tasks: readonly LayerTask[]): Model {
  return tasks.reduce((current, task) => withDone(current, task, { choice: task.choice }), model);
}

function wordOf(steps: readonly RecoverStep[]): string {
  if (steps.includes('gptq')) return 'GPTQ';
  return steps.includes('inq') ? 'INQ' : 'Recovering';
}

/** What was won, and what was rejected. */
function notesOf(
  { steps, samples, beforeDb, afterDb, layers }: RecoverResult,
  ofModel: readonly TriedCorrection[],
): string[] {
  const won =
    `Recovered by ${steps.join(', ')}: ${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}, output ` +
    `${figure(beforeDb)} → ${figure(afterDb)} (SQNR of simulated weights on ${samples.judge} samples that fitted nothing; ` +
    `${samples.fit} fitted).`;
  const rejected = steps.flatMap((step) => {
    const against = [
      ...ofModel.map((tried) => ({ name: 'the model', ...tried })),
      ...layers.flatMap(({ name, tried }) => tried.map((each) => ({ name, ...each }))),
    ].filter((tried) => tried.step === step && !tried.kept);
    if (against.length === 0) return [];
    const words = against.map(({ name, beforeDb: b, afterDb: a }) => `${name} (${figure(b)} → ${figure(a)})`);
    return [`${step} left out where the output got no better: ${listed(words)}.`];
  });
  return [won, ...rejected];
}

function figure(db: number | null): string {
  return db === null ? '–' : `${db.toFixed(2)} dB`;
}
