import { CancelledError, InputError, throwIfCancelled } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import { recoveringAlone, recoverWord } from '../plan/recover';
import type { ResultCache, Runtime, Slice, Work } from '../ports';
import type { Candidate, ScanMetric, ScanPart, ScanResult } from '../results';
import { PassingResults } from '../recover/loneLayers';
import { holdSamples, KEPT_SAMPLE_BYTES } from './baseline';
import { Candidates, type CandidateListener } from './candidates';
import { Compensation } from './compensation';
import { scanFormats, type CandidateName } from './formats';
import { Measuring } from './measuring';
import { prepareScan } from './prepareScan';
import { byPromise } from './promise';
import { requireLabels } from './requireLabels';
import { measureRestoring } from './restoring';
import { checkMetric, metricOf, NO_LABELS } from './summary';
import { TrialCache } from './trialCache';
import { trialRanges } from './trialRanges';

export interface ScanOptions {
  /** Names of the layers to try; every quantizable one when absent. */
  readonly layers?: readonly string[];
  /** Formats to try, as `formatText` writes them; DEFAULT_SCAN_FORMATS when absent. */
  readonly schemes?: readonly string[];
  /** Measures only this part of the formats that quantize activations; all of them when absent. */
  readonly part?: ScanPart;
  /** What the model's outputs are. */
  readonly outputs: readonly OutputDescription[];
  /** KL where an output has classes, else NMSE, when absent. */
  readonly metric?: ScanMetric;
  /** `allBut` also measures what restoring each layer gains. `only` when absent. */
  readonly direction?: 'only' | 'allBut';
  /** Candidates of an earlier scan of the same samples, which are taken as they are; also ones that were given up. */
  readonly known?: readonly Candidate[];
  /** Keeps figures and ranges between scans. */
  readonly cache?: ResultCache;
  /** Bytes of values inside the float model kept between trials; KEPT_VALUE_BYTES when absent. */
  readonly keptBytes?: number;
  /** Told each candidate as it is measured, and what its figure is. */
  readonly onCandidate?: CandidateListener;
  /** Told guesses from the weights alone, before anything runs. */
  readonly onProvisional?: (guess: Candidate) => void;
  /** Told which candidate runs next. */
  readonly onStart?: (candidate: CandidateName) => void;
}

/** Disjoint samples: ranges come from one part, sensitivities from the other. */
export interface ScanSlices {
  readonly calibrate: Slice;
  readonly scan: Slice;
}

/**
 * Measures each layer alone in each format: the model with only this layer quantized (a Relu or Clip that belongs to it
 * included), run simulated on the scan slice, against the float model. The ranges are those that quantizing all the layers
 * would take. The float model runs once; a trial runs what lies behind its layer. Guesses from the weights come first, and
 * measured layers in the order of their promise.
 *
 * Where the plan has a recipe to recover accuracy, formats with codes are measured as `quantizeModel` makes them for "only this
 * layer", with codes and a bias that make up for errors; these are kept in the cache.
 *
 * A candidate that fails carries its error, and the scan goes on. When cancelled, what was measured is returned.
 * @throws InputError when there is no layer to scan, data and model do not fit, or the metric is not for this model or data.
 * @throws CancelledError when cancelled before the first candidate.
 */
export async function scan(
  runtime: Runtime,
  model: Model,
  given: Plan,
  slices: ScanSlices,
  options: ScanOptions,
  work: Work = {},
): Promise<ScanResult> {
  const start = performance.now();
  const { outputs, metric = metricOf(outputs), direction = 'only' } = options;
  checkMetric(metric, outputs);
  if (options.part && direction === 'allBut') {
    throw new InputError(
      'One part of a format is measured layer by layer, not with all layers but one: ask for one of the two.',
    );
  }
  const plan = recoveringAlone(given);
  const formats = scanFormats(options.schemes, { part: options.part, recover: recoverWord(plan) });
  const ready = await prepareScan(model, plan, formats, options.layers);
  const cache = new TrialCache(options.cache, runtime.version, plan, outputs);
  const samples = await holdSamples(slices.scan, (sample) => cache.identify(sample), work);
  if (metric === 'accuracy' && samples.some(({ label }) => label === undefined)) {
    throw new InputError(NO_LABELS);
  }
  if (metric === 'accuracy') await requireLabels(runtime, model, slices.scan, outputs, NO_LABELS, work);
  const candidates = new Candidates(ready.names, formats, options, { metric, samples: samples.length }, work);
  const recovering = {
    runtime,
    slice: slices.calibrate,
    cache: options.cache ?? new PassingResults(),
  };
  const compensation = await Compensation.open(plan, ready, recovering, cache, work);
  const measuring = new Measuring(
    runtime,
    ready,
    plan,
    samples,
    cache,
    candidates,
    compensation,
    options,
    work,
  );
  let trialStart = performance.now();
  try {
    throwIfCancelled(work.signal);
    const order = await byPromise(
      ready.layers,
      formats,
      ready.encodings,
      options.onProvisional ?? ignore,
      work,
    );
    const plans = [...ready.every.values()].map((each) => each.plan);
    const ranges = await trialRanges(runtime, ready.prepared, plans, slices.calibrate, cache, work);
    await measuring.prepare(ranges);
    trialStart = performance.now();
    await measuring.run(order);
    if (direction === 'allBut' && measuring.context) {
      await measureRestoring(measuring.context, ready.names, candidates, metric);
    }
    work.onProgress?.(candidates.total, candidates.total, 'Scan finished');
  } catch (error) {
    if (!(error instanceof CancelledError) || candidates.done.length === 0) throw error;
  } finally {
    await compensation?.release();
  }
  const end = performance.now();
  return {
    metric,
    samples: samples.length,
    slice: 'scan',
    candidates: candidates.done,
    trials: measuring.trials,
    seconds: (end - start) / 1000,
    preparationSeconds: (trialStart - start) / 1000 + measuring.codeSeconds,
    trialSeconds: (end - trialStart) / 1000 - measuring.codeSeconds,
    floatPassSeconds: measuring.floatPassSeconds,
    keptBytes: measuring.keptBytes,
    partial: !candidates.isComplete,
    notes: memoryNotes(samples.length, slices.scan.length),
  };
}

function memoryNotes(held: number, length: number): string[] {
  if (held >= length) return [];
  const size = `${KEPT_SAMPLE_BYTES / 2 ** 20} MB`;
  return [`${held} of ${length} samples were measured: all of them together take more than ${size}.`];
}

function ignore(): void {
  // Nobody wants guesses.
}
