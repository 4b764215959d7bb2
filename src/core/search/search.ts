import { CancelledError, InputError, throwIfCancelled } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { LatencyModel } from '../latency/latencyModel';
import type { LayerLatencies } from '../latencyResults';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import { recoveringAlone, recoverWord } from '../plan/recover';
import type { ResultCache, Runtime, Slice, Work } from '../ports';
import { PassingResults } from '../recover/loneLayers';
import type { Candidate } from '../results';
import type { SearchGoal, SearchPoint, SearchResult } from '../searchResults';
import { candidateKey, candidateName, scanFormats, type ScanFormat } from '../scan/formats';
import { prepareScan, type ReadyScan } from '../scan/prepareScan';
import { scan, type ScanOptions, type ScanSlices } from '../scan/scan';
import { costsOf, type Costs } from './costs';
import { checkGoal } from './checkGoal';
import { budgetOf, searchMetric } from './goals';
import { requireProfiles, searchedTimes, timeNotes } from './planLatency';
import { PlanTrials } from './planTrials';
import { searchLayers, type SearchLayer } from './searchLayer';
import { SearchRun } from './searchRun';
import { smallestFormat } from './simplePlans';
import { TriedPlans, type TriedPlansOptions } from './triedPlans';
import { PlanVerifier, type OpenWritten } from './verifyPlans';

export interface SearchOptions
  extends Pick<ScanOptions, 'layers' | 'schemes' | 'onCandidate' | 'onStart'>, TriedPlansOptions {
  readonly goal: SearchGoal;
  readonly outputs: readonly OutputDescription[];
  /** Symbolic dimension → size in the samples: what work is counted for where the plan does not say. */
  readonly sampleDimensions?: Readonly<Record<string, number>>;
  /** Of the model's files. */
  readonly fileBytes: number;
  readonly openWritten: OpenWritten;
  /** Candidates of an earlier scan of the same samples, in the metric that a scan takes by itself. */
  readonly known?: readonly Candidate[];
  readonly cache?: ResultCache;
  /** Times of plans are measured and foretold, also for other goals. */
  readonly latency?: boolean;
  /** Nothing is run: layers that `known` says nothing about stay float. */
  readonly predictOnly?: boolean;
  /** Told what layers take, once it was measured. */
  readonly onLatency?: (latencies: LayerLatencies) => void;
  /** Told points as they come: of the front as predicted, then each that was run. */
  readonly onPoints?: (points: SearchPoint[]) => void;
  /** Told what the search would give if it ended there: when the front is known, and after each plan that was run. */
  readonly onResult?: (result: SearchResult) => void;
}

export interface SearchSlices extends ScanSlices {
  /** Disjoint from the others: its figures say what the plans are worth. */
  readonly verify: Slice;
}

/**
 * Finds the format of every layer with the least error within a budget, or the least cost within a limit of the error.
 *
 * Errors are those of a scan, added up; the whole front of cost against error comes from one sweep (see `Front`). When the sum
 * is more than twice what the layers cost together, or less than half, the effects are measured again around the plan. Then at
 * most eight plans are built, written, read again and run at full optimization on samples that neither calibration nor scan
 * used; the best of them is chosen. Where the plan has a recipe to recover accuracy, all of that is done with codes that make up
 * for their errors, each layer on its own, and the plans found are to have that recipe. Cancelled after the front is known, the best plan so far is returned.
 * @throws InputError when data, model and goal do not fit together.
 * @throws CancelledError when cancelled before the front is known.
 */
export async function search(
  runtime: Runtime,
  model: Model,
  given: Plan,
  slices: SearchSlices,
  options: SearchOptions,
  work: Work = {},
): Promise<SearchResult> {
  const start = performance.now();
  const { goal, outputs, fileBytes, openWritten } = options;
  const metric = searchMetric(goal, outputs);
  if (!options.predictOnly) await checkGoal(runtime, model, goal, outputs, slices.verify, work);
  const { tensors, ...plan } = recoveringAlone(given);
  // Codes are needed again for every plan that is tried.
  const cache = options.cache ?? (plan.recover && new PassingResults());
  const formats = scanFormats(options.schemes, { recover: recoverWord(plan) });
  const texts = formats.map(({ text }) => text);
  const ready = await prepareScan(model, plan, formats, options.layers);
  const dimensions = { ...options.sampleDimensions, ...plan.dimensions };
  const costs = await costsOf(model, ready.index, plan, ready.names, texts, dimensions, work);
  requireProfiles(runtime, goal.cost);
  const withLatency = goal.cost === 'latency' || (options.latency === true && !options.predictOnly);
  const float: SearchResult['float'] = { bytes: fileBytes, bops: costs.floatBops, latencyMs: null };
  const budgetFor = (known: SearchResult['float']): number =>
    goal.kind === 'budget' ? budgetOf(goal, { ...known, layers: ready.names.length }) : Infinity;
  // What is wrong with a budget is told before the work, as far as it is known.
  if (goal.cost !== 'latency') budgetFor(float);
  const measured = { ...options, cache };
  const candidates = await candidatesOf(runtime, model, plan, slices, ready, formats, measured, work);
  let layers = searchLayers(candidates, costs.of, metric, ready.names);
  requireChoice(layers, candidates, costs);
  let opened: Promise<PlanTrials> | undefined;
  const openTrials = (): Promise<PlanTrials> =>
    (opened ??= PlanTrials.open(
      runtime,
      ready,
      plan,
      slices,
      { outputs, metric, formats: layersByFormat(layers, texts), cache },
      work,
    ));
  const verifier = new PlanVerifier(
    runtime,
    model,
    plan,
    slices,
    { outputs, metric, openWritten, withLatency, cache },
    work,
  );
  const runs = new TriedPlans(
    { measure: async (tried) => (await openTrials()).measure(tried) },
    verifier,
    options,
  );
  const onPoints = (points: SearchPoint[]): void => {
    options.onPoints?.(points);
    options.onResult?.(resultOf(true));
  };
  let latency: LatencyModel | undefined;
  if (withLatency) {
    // Times tell nothing until they are measured.
    if (options.predictOnly) throw new CancelledError();
    const { ranges } = await openTrials();
    const isGoal = goal.cost === 'latency';
    const given = { plan, layers, texts, ranges, slice: slices.scan, dimensions, isGoal };
    ({ latency, layers } = await searchedTimes(runtime, model, ready, given, work));
    options.onLatency?.(latency.ofLayers(ready.names));
    float.latencyMs = latency.floatMs;
  }
  const weightErrors = await weightErrorsOf(ready, layers, formats, work);
  const context = {
    model,
    plan,
    goal,
    budget: budgetFor(float),
    costs: latency ? { ...costs, latency } : costs,
    weightErrors,
    trials: runs,
    verifier: runs,
    onPoints,
    work,
  };
  const run = new SearchRun(context, layers);
  if (tensors) run.notes.push('What the plan says about single activations was left out of the search.');
  const resultOf = (partial: boolean): SearchResult => ({
    goal,
    metric,
    ...(plan.recover && { recover: plan.recover }),
    float,
    front: run.told(),
    chosen: run.chosen,
    met: run.met,
    curve: run.curve,
    rounds: run.rounds,
    trials: runs.count,
    seconds: (performance.now() - start) / 1000,
    partial,
    notes: [...run.notes, ...timeNotes(goal, run.chosen, float.latencyMs)],
  });
  try {
    await run.foretell();
    if (options.predictOnly) return resultOf(true);
    await run.settle();
    await run.verify();
    const [format] = texts;
    if (format !== undefined) await run.measureCurve(format);
    return resultOf(false);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    return resultOf(true);
  } finally {
    await verifier.close();
    await (await opened?.catch(() => undefined))?.close();
  }
}

/** Known candidates where they are complete, else a scan that adds what is missing. @throws CancelledError */
async function candidatesOf(
  runtime: Runtime,
  model: Model,
  plan: Plan,
  slices: ScanSlices,
  { names }: ReadyScan,
  formats: readonly ScanFormat[],
  options: Omit<SearchOptions, 'cache'> & { readonly cache: ResultCache | undefined },
  work: Work,
): Promise<readonly Candidate[]> {
  const { outputs, cache, onCandidate, onStart } = options;
  const known = (options.known ?? []).filter(({ provisional }) => !provisional);
  const byKey = new Map(known.map((candidate) => [candidateKey(candidate), candidate]));
  const wanted = names.flatMap((layer) =>
    formats.map((format) => byKey.get(candidateKey(candidateName(layer, format)))),
  );
  if (options.predictOnly) return wanted.filter((candidate) => candidate !== undefined);
  if (wanted.every((candidate) => candidate !== undefined)) return wanted;
  const result = await scan(
    runtime,
    model,
    plan,
    slices,
    { outputs, layers: names, schemes: formats.map(({ text }) => text), known, cache, onCandidate, onStart },
    work,
  );
  if (result.partial) throw new CancelledError();
  return result.candidates;
}

function layersByFormat(
  layers: readonly SearchLayer[],
  texts: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const can = ({ options }: SearchLayer, text: string): boolean =>
    options.some((option) => option.text === text);
  return new Map(
    texts.map((text) => [text, layers.filter((layer) => can(layer, text)).map(({ name }) => name)]),
  );
}

/** What weights lose in the format that makes the file smallest, by layer. @throws CancelledError */
async function weightErrorsOf(
  { layers, encodings }: ReadyScan,
  searched: readonly SearchLayer[],
  formats: readonly ScanFormat[],
  work: Work,
): Promise<ReadonlyMap<string, number>> {
  const smallest = smallestFormat(searched);
  const format = formats.find(({ text }) => text === smallest);
  const errors = new Map<string, number>();
  for (const { name, options } of format ? searched : []) {
    throwIfCancelled(work.signal);
    const layer = layers.find((each) => each.name === name);
    const canHave = options.some(({ text }) => text === smallest);
    if (layer && format && canHave) errors.set(name, await encodings.weightError(layer, format));
  }
  return errors;
}

/** @throws InputError when no layer can have any of the formats, with the first reason. */
function requireChoice(layers: readonly SearchLayer[], candidates: readonly Candidate[], costs: Costs): void {
  if (layers.some(({ options }) => options.length > 1)) return;
  const failed = candidates.find(({ error }) => error !== undefined);
  const refused = candidates.find(({ layer, scheme }) => !costs.of(layer, scheme));
  const why = failed?.error ?? (refused && `${refused.layer} cannot be ${refused.scheme}.`) ?? '';
  throw new InputError(`No layer can have any of the formats. ${why}`.trim());
}
