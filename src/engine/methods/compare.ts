import { compareOutputs } from '../../core/compare/compare';
import { medianInterleaved } from '../../core/latency/interleaved';
import { InputError } from '../../core/errors';
import type { Feeds, Session, Work } from '../../core/ports';
import type { CompareResult } from '../../core/results';
import type { CompareRequest } from '../../shared/rpc';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { peakMemoryOf } from '../peakMemory';
import { openRuntime } from '../runtime/ortRuntime';
import { calledVerify, comparedSlice } from './comparedSlice';
import { openModelData, type ModelData } from './modelData';
import { deflatedSizeOf, sizeOf } from './modelFiles';
import { outputsOf } from './modelOutputs';
import { workOf } from './work';

/** Latency: as many rounds as fit the time, within these bounds. */
const LATENCY_MS = 4000;
const ROUNDS = { least: 5, most: 100, warmup: 3 };

/** Two models on the same samples: output error, classes, latency, memory and bytes. Both as a user would run them. */
export const compare: EngineHandlers['compare'] = async (request, call) => {
  const work = workOf(call);
  const openedA = await openModelFile(request.a, call);
  try {
    const openedB = await openModelFile(request.b, call);
    try {
      const { dimensions, calibration, sample, top } = request;
      const data = await openModelData(calibration, openedA.model, dimensions);
      const slice = comparedSlice(data, calledVerify(calibration));
      const { feeds } = await data.dataSet.sample(0);
      const wanted = sample === undefined ? undefined : await sampleAt(data, sample);
      const [a, b] = [openedA.path, openedB.path];
      const runs = await withSessions({ a, b }, async (sessionA, sessionB) => {
        const options = { outputs: outputsOf(openedA.model, dimensions), sample: wanted, top };
        const errors = await compareOutputs(sessionA, sessionB, slice, options, work);
        return { ...errors, latencyMs: await latencyOf(sessionA, sessionB, feeds, work) };
      });
      const files = { a: await openedA.files(), b: await openedB.files() };
      return {
        a,
        b,
        slice: calledVerify(calibration) ? 'verify' : 'all',
        ...runs,
        peakMemoryBytes: {
          a: await peakMemoryOf(a, feeds, call.signal),
          b: await peakMemoryOf(b, feeds, call.signal),
        },
        bytes: { a: sizeOf(files.a), b: sizeOf(files.b) },
        deflatedBytes: {
          a: await deflatedSizeOf(files.a, call.signal),
          b: await deflatedSizeOf(files.b, call.signal),
        },
      } satisfies CompareResult;
    } finally {
      await openedB.close();
    }
  } finally {
    await openedA.close();
  }
};

async function withSessions<T>(
  files: Pick<CompareRequest, 'a' | 'b'>,
  use: (a: Session, b: Session) => Promise<T>,
): Promise<T> {
  const runtime = await openRuntime();
  const a = await runtime.openFile(files.a, { optimization: 'full' });
  try {
    const b = await runtime.openFile(files.b, { optimization: 'full' });
    try {
      return await use(a, b);
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
}

async function sampleAt({ dataSet }: ModelData, index: number) {
  if (!Number.isInteger(index) || index < 0 || index >= dataSet.length) {
    throw new InputError(
      `There is no sample ${index}: ${dataSet.data} has samples 0 to ${dataSet.length - 1}.`,
    );
  }
  return dataSet.sample(index);
}

async function latencyOf(
  a: Session,
  b: Session,
  feeds: Feeds,
  work: Work,
): Promise<{ a: number; b: number }> {
  const start = performance.now();
  await a.run(feeds);
  await b.run(feeds);
  const pairMs = performance.now() - start;
  const rounds = Math.max(ROUNDS.least, Math.min(ROUNDS.most, Math.floor(LATENCY_MS / pairMs)));
  return medianInterleaved(
    () => a.run(feeds),
    () => b.run(feeds),
    { rounds, warmup: ROUNDS.warmup },
    work,
  );
}
