import type { CalibrationSource } from '../calibrate/calibrate';
import { chooseWeights, type ChosenWeights } from '../calibrate/chooseWeights';
import { throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { Plan, RecoverStep } from '../plan/types';
import type { ResultCache, Work } from '../ports';
import type { RecoverResult, TriedCorrection } from '../recoverResults';
import { equalize, type Equalized } from '../rewrite/equalize/equalize';
import { listed } from '../rewrite/notes';
import { compensated, type Compensated } from './compensated';
import type { DoneLayer } from './keptLayers';
import { LayerRecoverer, type LayerSource } from './layerRecoverer';
import { layerTasks, type LayerTask, type LayerTasks } from './layerTask';
import { LoneLayers } from './loneLayers';
import { decibels, OutputJudge } from './outputJudge';
import { withDone } from './recoverLayer';
import { readBatches } from './sampleBatches';

/** What recovering needs beside calibration inputs. */
export interface RecoverSource extends CalibrationSource {
  /** Keeps layers that are done, so that a run that was stopped goes on from there. */
  readonly cache?: ResultCache;
}

/** The model is the prepared one, also with channels evened out. */
export interface Recovered extends Compensated {
  readonly result: RecoverResult;
  readonly notes: readonly string[];
}

/**
 * Makes up for the errors of weights with few codes, by the steps of the plan's recipe. Layer by layer in the order of the
 * graph: what the layer reads comes from the model whose earlier layers are as they will be in the file (their activations
 * float, whatever the plan says, and those float that are passed over), and its codes are chosen to give what the float model's layer gives. Every eighth sample fits
 * nothing and judges: a correction is kept where the model's output gets better on those, and all of them where it does with
 * every layer quantized.
 *
 * A recipe that is not sequential takes each layer as the only one that is quantized: what it reads comes from the float model,
 * and nothing but the recipe decides about its codes, so that they are those of any other plan in which it has this format.
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
  const { runtime, slice } = source;
  const { steps = [], sequential = true } = plan.recover ?? {};
  const { onProgress: _, ...quiet } = work;
  const batches = await readBatches(runtime, prepared, slice, work);
  const judge = new OutputJudge(runtime, batches.judge);
  const open = async (model: Model): Promise<Start> => {
    const weights = sequential ? await chooseWeights(model, plan, source, work) : nothingChosen;
    const { tasks, passedOver } = layerTasks(model, plan, weights.choices);
    const error = await judge.error(allNearest(model, tasks), quiet);
    return { model, weights, tasks, passedOver, error };
  };
  const plain = await open(prepared);
  const evened = steps.includes('equalize') ? await evenOut(plain, plan, open, quiet) : undefined;
  const start = evened?.start ?? plain;
  const isByLayer = steps.some((step) => step !== 'equalize');
  const layerSource = { ...source, float: start.model, batches, judge, evened: evened?.pairs ?? [] };
  const all = isByLayer ? await recoverLayers(start, plan, layerSource, work) : undefined;
  const error = all ? await judge.error(all.current, quiet) : start.error;
  // Each layer was better with those behind it float; what these lose may undo that.
  const isWorse = sequential && error > start.error;
  const done = all && !isWorse ? all.done : new Map<string, DoneLayer>();
  const result: RecoverResult = {
    steps: [...steps],
    samples: {
      fit: batches.fitSamples,
      judge: batches.judgeSamples,
      heldOut: batches.used.length > batches.fitSamples,
    },
    beforeDb: decibels(plain.error),
    afterDb: decibels(isWorse ? start.error : error),
    layers: [...done.values()].map(({ layer }) => layer),
  };
  const notes = [
    ...start.weights.notes,
    ...(evened?.notes ?? []),
    ...outcomeNotes(result, evened?.tried, isWorse ? error : undefined),
    ...[...(isByLayer ? passedOver(start, all?.done) : [])].map(
      ([reason, names]) => `${listed(names)}: rounded to the nearest, as it ${reason}.`,
    ),
  ];
  if (isByLayer) notes.push(...sharedNotes(start.tasks));
  const { model, choices } = compensated(start.model, done);
  return { model, choices: new Map([...start.weights.choices, ...choices]), result, notes };
}

/** A model to begin with: all weights float, and what they would be when rounded to the nearest. */
interface Start extends LayerTasks {
  readonly model: Model;
  readonly weights: ChosenWeights;
  /** With the nearest codes: see `OutputJudge`. */
  readonly error: number;
}

interface EvenedOut {
  /** The better of both. */
  readonly start: Start;
  /** Absent: there was nothing to even out. */
  readonly tried?: TriedCorrection;
  /** Layers between which factors moved; none where the model stays as it was. */
  readonly pairs: Equalized['pairs'];
  readonly notes: readonly string[];
}

/** Equalization, where the model with all weights at the nearest codes is better for it. */
async function evenOut(
  plain: Start,
  plan: Plan,
  open: (model: Model) => Promise<Start>,
  work: Work,
): Promise<EvenedOut> {
  const { model, pairs, notes } = await equalize(plain.model, plan, work.signal);
  if (pairs.length === 0)
    return {
      start: plain,
      pairs,
      notes: [...notes, 'equalize: no layers between which channels could be evened out.'],
    };
  const evened = await open(model);
  const kept = evened.error < plain.error;
  const tried: TriedCorrection = {
    step: 'equalize',
    kept,
    beforeDb: decibels(plain.error),
    afterDb: decibels(evened.error),
  };
  return kept ? { start: evened, tried, pairs, notes } : { start: plain, tried, pairs: [], notes: [] };
}

/** What formats leave open stays as it is without data. */
const nothingChosen: ChosenWeights = { choices: new Map(), notes: [] };

/** Layer by layer. @returns the model with all of them done, and each by its name. */
async function recoverLayers(
  { tasks }: Start,
  plan: Plan,
  source: LayerSource & RecoverSource,
  work: Work,
): Promise<{ readonly current: Model; readonly done: ReadonlyMap<string, DoneLayer> }> {
  const { steps = [], sequential = true } = plan.recover ?? {};
  const { onProgress: _, ...quiet } = work;
  const done = new Map<string, DoneLayer>();
  const recoverer = sequential
    ? await LayerRecoverer.open(source, plan)
    : new LoneLayers(plan, source, quiet, source.batches);
  try {
    let current = source.float;
    for (const [at, task] of tasks.entries()) {
      throwIfCancelled(work.signal);
      const { name } = task.layer;
      work.onProgress?.(at, tasks.length, `${wordOf(steps)}: layer ${at + 1} of ${tasks.length}, ${name}`);
      const layer =
        recoverer instanceof LoneLayers
          ? await recoverer.of(source.float, name, formatOf(plan, name))
          : await recoverer.recover(task, current, quiet);
      if (!layer) continue;
      current = withDone(current, task, layer);
      done.set(name, layer);
      for (const sharer of task.sharers) done.set(sharer.layer.name, sharedBy(sharer.layer.name, layer));
    }
    return { current, done };
  } finally {
    await recoverer.release();
  }
}

/** The same codes, in another layer that reads them; what was tried is told once. */
function sharedBy(name: string, { choice, layer }: DoneLayer): DoneLayer {
  return { choice, layer: { ...layer, name, tried: [] } };
}

function allNearest(model: Model, tasks: readonly LayerTask[]): Model {
  return tasks.reduce((current, task) => withDone(current, task, { choice: task.choice }), model);
}

function wordOf(steps: readonly RecoverStep[]): string {
  if (steps.includes('gptq')) return 'GPTQ';
  return steps.includes('inq') ? 'INQ' : 'Recovering';
}

function sharedNotes(tasks: readonly LayerTask[]): string[] {
  return tasks.flatMap(({ layer, sharers }) => {
    if (sharers.length === 0) return [];
    const names = [layer, ...sharers.map((sharer) => sharer.layer)].map(({ name }) => name);
    return [`${listed(names)}: one weight, so that the codes are the same; the biases stay as they are.`];
  });
}

/** What came of it. @param worse error of the output with all that was chosen for layers, where that is why it was left out. */
function outcomeNotes(
  result: RecoverResult,
  equalization: TriedCorrection | undefined,
  worse: number | undefined,
): string[] {
  const ofModel = equalization ? [equalization] : [];
  if (worse === undefined) return notesOf(result, ofModel);
  const { steps, afterDb } = result;
  const byLayer = steps.filter((step) => step !== 'equalize');
  return [
    ...(equalization ? notesOf({ ...result, steps: ['equalize'] }, ofModel) : []),
    `${byLayer.join(', ')} left out: with all layers quantized the output got worse by it ` +
      `(${figure(afterDb)} → ${figure(decibels(worse))}). All weights are rounded to the nearest.`,
  ];
}

/** Names of layers for which nothing could be tried, by the reason. */
function passedOver(
  { passedOver: atOnce }: Start,
  done: ReadonlyMap<string, DoneLayer> = new Map(),
): ReadonlyMap<string, readonly string[]> {
  const names = new Map(atOnce);
  for (const { layer } of done.values()) {
    const { name, reason } = layer;
    if (reason !== undefined) names.set(reason, [...(names.get(reason) ?? []), name]);
  }
  return names;
}

/** What was won, and what was rejected. */
function notesOf(
  { steps, samples, beforeDb, afterDb, layers }: RecoverResult,
  ofModel: readonly TriedCorrection[],
): string[] {
  if (layers.length === 0 && ofModel.length === 0 && steps.some((step) => step !== 'equalize'))
    return [`Nothing to recover by ${steps.join(', ')}: no layer has codes that could be chosen.`];
  const count = layers.length === 0 ? '' : `${counted(layers.length, 'layer')}, `;
  const won =
    `Recovered by ${steps.join(', ')}: ${count}output ${figure(beforeDb)} → ${figure(afterDb)} ` +
    `(SQNR of simulated weights on ${counted(samples.judge, 'sample')}` +
    (samples.heldOut ? ` that fitted nothing; ${samples.fit} fitted).` : ', too few to hold any out).');
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

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function figure(db: number | null): string {
  return db === null ? '–' : `${db.toFixed(2)} dB`;
}
