import { CancelledError } from '../core/errors';
import type { Candidate, ScanResult } from '../core/results';
import { candidateKey, type CandidateName } from '../core/scan/formats';
import type { EngineMethods, Progress, ScanRequest } from '../shared/rpc';
import { EngineCrashError } from './engineErrors';

/** The part of the engine's client that a scan needs. */
export interface ScanEngine {
  call(
    method: 'scan',
    request: ScanRequest,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void },
  ): Promise<Awaited<ReturnType<EngineMethods['scan']>>>;
}

/** Crashes before the first candidate of a life of the engine: then it is not a candidate that is to blame. */
const MOST_EARLY_CRASHES = 2;

/**
 * A scan that outlives the engine: when its process ends, the scan goes on in a new one with what was measured. The candidate
 * that was running is tried once more, as something else may have ended the process; when it ends it again, it is marked as
 * failed and passed over. When the engine has to be killed because it does not answer a cancel, what was measured is returned.
 * @throws EngineCrashError when the engine ends again and again before anything runs.
 * @throws CancelledError when cancelled before the first candidate; other errors as `scan` does.
 */
export async function scanResumably(
  engine: ScanEngine,
  request: ScanRequest,
  {
    signal,
    onProgress,
  }: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void } = {},
): Promise<ScanResult> {
  const start = performance.now();
  const known = new Map((request.known ?? []).map((candidate) => [candidateKey(candidate), candidate]));
  const crashed = new Set<string>();
  let measured: Progress['measured'];
  for (let early = 0; ;) {
    let running: Progress['starting'];
    try {
      const result = await engine.call(
        'scan',
        { ...request, known: [...known.values()] },
        {
          ...(signal && { signal }),
          onProgress: (progress) => {
            for (const candidate of progress.candidates ?? []) {
              const key = candidateKey(candidate);
              known.set(key, candidate);
              if (running && candidateKey(running) === key) running = undefined;
            }
            measured = progress.measured ?? measured;
            running = progress.starting ?? running;
            onProgress?.(progress);
          },
        },
      );
      return { ...result, seconds: (performance.now() - start) / 1000 };
    } catch (error) {
      if (error instanceof CancelledError && measured) {
        return partialResult([...known.values()], measured, (performance.now() - start) / 1000);
      }
      if (!(error instanceof EngineCrashError) || signal?.aborted) throw error;
      onProgress?.({ done: 0, total: 0, message: 'The engine process stopped; going on in a new one' });
      if (!running) {
        if (++early >= MOST_EARLY_CRASHES) throw error;
        continue;
      }
      early = 0;
      const key = candidateKey(running);
      if (!crashed.has(key)) crashed.add(key);
      else {
        const failed = failedBy(running, error);
        known.set(key, failed);
        onProgress?.({ done: 0, total: 1, message: 'Starting the engine again', candidates: [failed] });
      }
    }
  }
}

function failedBy(name: CandidateName, error: EngineCrashError): Candidate {
  return { ...name, sensitivity: null, localSqnrDb: null, bytes: 0, error: error.message };
}

function partialResult(
  candidates: Candidate[],
  { metric, samples }: NonNullable<Progress['measured']>,
  seconds: number,
): ScanResult {
  const trials = candidates.reduce((sum, candidate) => sum + (candidate.trials ?? 0), 0);
  return {
    metric,
    samples,
    slice: 'scan',
    candidates,
    trials,
    seconds,
    preparationSeconds: 0,
    trialSeconds: seconds,
    floatPassSeconds: 0,
    keptBytes: 0,
    partial: true,
    notes: [],
  };
}
