import { calibrate } from '../calibrate/calibrate';
import { chooseRanges } from '../calibrate/chooseRanges';
import { asNumbers } from '../calibrate/floats';
import { withOutputs } from '../calibrate/instrument';
import { activationTargets } from '../calibrate/quantizeModel';
import { CancelledError, InputError, throwIfCancelled } from '../errors';
import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import { setScheme } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Runtime, Slice, Work } from '../ports';
import { ErrorAccumulator } from '../quant/metrics';
import type { ActivationRange, LayerScheme } from '../quant/scheme';
import type { Candidate, ScanResult } from '../results';
import { placeQuantization, type Placement } from '../rewrite/placement';
import { activationsToCalibrate, prepareFloat, type Prepared } from '../rewrite/prepare';
import { rewrite } from '../rewrite/rewrite';
import { floatPass, type FloatSample } from './floatPass';
import { behindPair, trialPlan, unitOutput } from './unitOutput';
import { metricOf, Sensitivity } from './sensitivity';

const SCHEME: LayerScheme = 'w8a8';

export interface ScanOptions {
  /** Names of the layers to try; every quantizable one when absent. */
  readonly layers?: readonly string[];
  /** What the model's outputs are. */
  readonly outputs: readonly OutputDescription[];
  /** Told each candidate as it is measured, and what its figure is. */
  readonly onCandidate?: (candidate: Candidate, measured: Pick<ScanResult, 'metric' | 'samples'>) => void;
}

/** Disjoint samples: ranges come from one part, sensitivities from the other. */
export interface ScanSlices {
  readonly calibrate: Slice;
  readonly scan: Slice;
}

/**
 * Measures each layer alone: the model with only this layer quantized (a Relu or Clip that belongs to it included), run
 * simulated on the scan slice, against the float model. The ranges are those that quantizing all the layers would take.
 * A candidate that fails carries its error, and the scan goes on. When cancelled, what was measured is returned.
 * @throws InputError when there is no layer to scan, or data and model do not fit.
 * @throws CancelledError when cancelled before the first candidate.
 */
export async function scan(
  runtime: Runtime,
  model: Model,
  plan: Plan,
  slices: ScanSlices,
  { layers, outputs, onCandidate }: ScanOptions,
  work: Work = {},
): Promise<ScanResult> {
  const start = performance.now();
  const ready = await prepareFloat(model, { ...plan, defaultScheme: SCHEME, layers: {} });
  const prepared = ready.model;
  const index = indexGraph(prepared);
  const names = layers ?? quantizableLayers(index, plan);
  if (names.length === 0) throw new InputError('The model has no layer that can be quantized.');
  const every = setScheme({ ...plan, defaultScheme: 'float', layers: {} }, names, SCHEME);
  const ranges = await trialRanges(runtime, ready, every, slices.calibrate, work);

  const placement = placeQuantization(index, every);
  const locals = new Map(names.map((name) => [name, unitOutput(index, placement, name)]));
  const { samples, seconds: floatPassSeconds } = await floatPass(
    runtime,
    prepared,
    outputs.map(({ name }) => name),
    [...new Set([...locals.values()].filter((value) => value !== undefined))],
    slices.scan,
    work,
  );

  const candidates: Candidate[] = [];
  const measured = { metric: metricOf(outputs), samples: samples.length };
  const trial = { runtime, prepared, plan, placement, ranges, outputs, samples, work };
  try {
    for (const name of names) {
      throwIfCancelled(work.signal);
      work.onProgress?.(candidates.length, names.length, `Scanning ${name}`);
      const candidate = await measure(trial, name, locals.get(name));
      candidates.push(candidate);
      onCandidate?.(candidate, measured);
    }
    work.onProgress?.(names.length, names.length, 'Scan finished');
  } catch (error) {
    if (!(error instanceof CancelledError) || candidates.length === 0) throw error;
  }
  return {
    ...measured,
    slice: 'scan',
    candidates,
    seconds: (performance.now() - start) / 1000,
    floatPassSeconds,
    partial: candidates.length < names.length,
  };
}

/** Of the prepared model: preparing can uncover weights, and the trials are made from it. */
function quantizableLayers(index: GraphIndex, plan: Plan): string[] {
  return findLayers(index, inferShapes(index, plan.dimensions))
    .filter(({ quantizable }) => quantizable)
    .map(({ name }) => name);
}

/** Ranges of every value that a trial of one layer quantizes, by the plan's rule, from one pass. */
async function trialRanges(
  runtime: Runtime,
  ready: Prepared,
  every: Plan,
  slice: Slice,
  work: Work,
): Promise<ReadonlyMap<string, ActivationRange>> {
  const values = activationsToCalibrate(ready, every, { trials: true });
  if (values.length === 0) return new Map();
  const calibration = await calibrate(runtime, ready.model, values, slice, work);
  const { ranges } = await chooseRanges(
    runtime,
    every.activationRange,
    calibration,
    activationTargets(every),
    async (tried) => (await rewrite(ready.model, every, tried, { signal: work.signal })).model,
    work,
  );
  return ranges;
}

interface Trial {
  readonly runtime: Runtime;
  readonly prepared: Model;
  readonly plan: Plan;
  /** Of all the layers together. */
  readonly placement: Placement;
  readonly ranges: ReadonlyMap<string, ActivationRange>;
  readonly outputs: readonly OutputDescription[];
  readonly samples: readonly FloatSample[];
  readonly work: Work;
}

async function measure(trial: Trial, name: string, local: string | undefined): Promise<Candidate> {
  let bytes = 0;
  try {
    const { signal } = trial.work;
    const alone = trialPlan(trial.plan, name, { scheme: SCHEME }, trial.placement, local);
    const rewritten = await rewrite(trial.prepared, alone, trial.ranges, { signal });
    const layer = rewritten.layers.find((row) => row.name === name);
    bytes = layer?.bytesAfter ?? 0;
    if (layer?.scheme !== SCHEME) {
      const why = rewritten.notes.find((note) => note.startsWith(name)) ?? 'It cannot be quantized.';
      return failed(name, bytes, why);
    }
    return { layer: name, scheme: SCHEME, bytes, ...(await run(trial, rewritten.model, local)) };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return failed(name, bytes, error instanceof Error ? error.message : String(error));
  }
}

function failed(layer: string, bytes: number, error: string): Candidate {
  return { layer, scheme: SCHEME, sensitivity: null, localSqnrDb: null, bytes, error };
}

async function run(
  { runtime, outputs, samples, work }: Trial,
  model: Model,
  local: string | undefined,
): Promise<Pick<Candidate, 'sensitivity' | 'localSqnrDb'>> {
  const sensitivity = new Sensitivity(outputs);
  const localErrors = new ErrorAccumulator(local);
  const names = outputs.map(({ name }) => name);
  const localTrial = local === undefined ? undefined : behindPair(model, local);
  const session = await runtime.openModel(withOutputs(model, localTrial === undefined ? [] : [localTrial]), {
    optimization: 'simulate',
  });
  try {
    for (const { feeds, outputs: reference, locals } of samples) {
      throwIfCancelled(work.signal);
      const expected = local === undefined ? undefined : locals?.[local];
      const wanted = expected && localTrial !== undefined ? [...new Set([...names, localTrial])] : names;
      const results = await session.run(feeds, wanted);
      sensitivity.add(reference, results);
      const actual = localTrial === undefined ? undefined : results[localTrial];
      if (!expected || !actual) continue;
      localErrors.add(asNumbers(expected) ?? [], asNumbers(actual) ?? []);
    }
  } finally {
    await session.release();
  }
  return { sensitivity: sensitivity.value, localSqnrDb: localErrors.sqnrDb };
}
