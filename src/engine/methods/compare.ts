import { compareOutputs } from '../../core/compare/compare';
import { feedsFor } from '../../core/compare/feedsFor';
import { mentionedClasses } from '../../core/compare/outputDetails';
import { medianInterleaved } from '../../core/latency/interleaved';
import type { Feeds, Session, Work } from '../../core/ports';
import type { CompareResult } from '../../core/results';
import type { CompareRequest } from '../../shared/rpc';
import { classNamesOf, type FoundNames } from '../data/classNames';
import type { ClassNames } from '../data/dataSet';
import { modelInputs } from '../data/modelInputs';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { peakMemoryOf } from '../peakMemory';
import { openRuntime } from '../runtime/ortRuntime';
import { calledVerify, comparedSlice } from './comparedSlice';
import { openModelData, sampleAt } from './modelData';
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
      const { dimensions, calibration, outputs, sample, top } = request;
      const data = await openModelData(calibration, openedA.model, dimensions);
      const slice = comparedSlice(data, calledVerify(calibration));
      const { feeds } = await data.dataSet.sample(0);
      const wanted = sample === undefined ? undefined : await sampleAt(data, sample);
      const inputsOfB = openedB.model.graph ? modelInputs(openedB.model.graph, dimensions) : [];
      const inputsOfA = data.inputs.map(({ name }) => name);
      const feedsOfB = (given: Feeds): Feeds => feedsFor(inputsOfB, inputsOfA, given);
      const fed = { a: feeds, b: feedsOfB(feeds) };
      const [a, b] = [openedA.path, openedB.path];
      const described = outputsOf(openedA.model, dimensions, outputs);
      const runs = await withSessions({ a, b }, async (sessionA, sessionB) => {
        const options = { outputs: described, sample: wanted, top, feedsOfB };
        const errors = await compareOutputs(sessionA, sessionB, slice, options, work);
        return { ...errors, latencyMs: await latencyOf(sessionA, sessionB, fed, work) };
      });
      const classes = await classNamesOf(data.dataSet);
      const files = { a: await openedA.files(), b: await openedB.files() };
      return {
        a,
        b,
        slice: calledVerify(calibration) ? 'verify' : 'all',
        ...runs,
        outputs: withClassNames(runs.outputs, classes.names),
        peakMemoryBytes: {
          a: await peakMemoryOf(a, fed.a, call.signal),
          b: await peakMemoryOf(b, fed.b, call.signal),
        },
        bytes: { a: sizeOf(files.a), b: sizeOf(files.b) },
        deflatedBytes: {
          a: await deflatedSizeOf(files.a, call.signal),
          b: await deflatedSizeOf(files.b, call.signal),
        },
        notes: [...(data.dataSet.notes?.() ?? []), ...runs.notes, ...namesNotes(runs.outputs, classes)],
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

async function latencyOf(
  a: Session,
  b: Session,
  feeds: { readonly a: Feeds; readonly b: Feeds },
  work: Work,
): Promise<{ a: number; b: number }> {
  const start = performance.now();
  await a.run(feeds.a);
  await b.run(feeds.b);
  const pairMs = performance.now() - start;
  const rounds = Math.max(ROUNDS.least, Math.min(ROUNDS.most, Math.floor(LATENCY_MS / pairMs)));
  return medianInterleaved(
    () => a.run(feeds.a),
    () => b.run(feeds.b),
    { rounds, warmup: ROUNDS.warmup },
    work,
  );
}

/** Why classes have no names although there is a file for them. */
function namesNotes(outputs: CompareResult['outputs'], { names, file, note }: FoundNames): string[] {
  if (note !== undefined) return [note];
  const counts = outputs.flatMap(({ details }) => (details && details.classes > 0 ? [details.classes] : []));
  if (file === undefined || counts.length === 0 || counts.some((count) => count === names?.count)) return [];
  return [
    `${file} has ${names?.count ?? 0} lines for ${counts.join(' and ')} classes. Classes are shown by their numbers.`,
  ];
}

/** A list of names is of another data set when it has another number of classes. */
function withClassNames(
  outputs: CompareResult['outputs'],
  known: ClassNames | undefined,
): CompareResult['outputs'] {
  if (!known) return outputs;
  return outputs.map((output) => {
    const { details, sample } = output;
    if (!details || (known.count !== undefined && known.count !== details.classes)) return output;
    const ofSample = sample ? [...sample.a, ...sample.b].map((score) => score.class) : [];
    const named = [...mentionedClasses(details), ...ofSample].flatMap((index): [string, string][] => {
      const name = known.names.get(index);
      return name ? [[String(index), name]] : [];
    });
    return { ...output, details: { ...details, classNames: Object.fromEntries(named) } };
  });
}
