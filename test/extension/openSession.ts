import { CancelledError } from '../../src/core/errors';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Plan } from '../../src/core/plan/types';
import type { Candidate, ScanResult } from '../../src/core/results';
import { ModelSession } from '../../src/extension/editor/modelSession';
import type { CallOptions, SessionEngine } from '../../src/extension/sessionEngine';
import type { EngineMethod, Progress } from '../../src/shared/rpc';
import type { ViewEvent } from '../../src/shared/viewRpc';
import { summaryOfThree } from '../support/viewRows';

export type Handler = (request: unknown, options: CallOptions) => unknown;

/** Answers as told; an unexpected call fails the test. */
function fakeEngine(handlers: Partial<Record<EngineMethod, Handler>>): SessionEngine {
  return {
    call: async (method, request, options = {}) => {
      const handler = handlers[method];
      if (!handler) throw new Error(`Unexpected call of ${method}.`);
      return (await handler(request, options)) as never;
    },
  };
}

/** A session over an engine that answers as told, and what its views hear. */
export function openSession(
  handlers: Partial<Record<EngineMethod, Handler>>,
  lookOnly: string | null = null,
) {
  const engine = fakeEngine({
    firstLayers: () => [],
    inspect: () => summaryOfThree(),
    weightHashes: () => hashes,
    ...handlers,
  });
  const session = new ModelSession(engine, {
    uri: 'file:///m/model.onnx',
    name: 'model.onnx',
    planFile: 'model.quant.json',
    resolveData: (data) => `/m/${data}`,
    cache: '/cache',
    lookOnly: () => lookOnly,
  });
  const events: ViewEvent[] = [];
  session.onEvent((event) => events.push(event));
  return { session, events };
}

export const hashes = { conv1: 'sha256:1111111111111111', conv2: 'sha256:2222222222222222' };

export const withData: Plan = {
  ...defaultPlan,
  calibration: { data: 'test.npz', samples: 16, seed: 0 },
};

/** A session with its model loaded and calibration data chosen, so that it can scan. */
export async function openMeasured(handlers: Partial<Record<EngineMethod, Handler>>, lookOnly?: string) {
  const opened = openSession(handlers, lookOnly);
  await opened.session.load('/m/model.onnx');
  opened.session.setPlan(withData);
  opened.events.length = 0;
  return opened;
}

export function candidate(
  layer: string,
  sensitivity: number | null,
  part: Partial<Candidate> = {},
): Candidate {
  return { layer, scheme: 'w8a8', sensitivity, localSqnrDb: 30, bytes: 100, trials: 16, ...part };
}

export function scanResult(candidates: Candidate[], part: Partial<ScanResult> = {}): ScanResult {
  return {
    metric: 'kl',
    slice: 'scan',
    samples: 16,
    candidates,
    trials: 16,
    seconds: 1,
    preparationSeconds: 0.1,
    trialSeconds: 0.8,
    floatPassSeconds: 0.1,
    keptBytes: 0,
    partial: false,
    notes: [],
    ...part,
  };
}

/** Reports progress, and then does nothing until it is cancelled. */
export function untilCancelled(...reports: Progress[]): Handler {
  return (_request, { signal, onProgress }) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new CancelledError()));
      for (const report of reports) onProgress?.(report);
    });
}
