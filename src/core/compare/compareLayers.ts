import { asNumbers, bytesOfTensors } from '../calibrate/floats';
import { GroupedFetch } from '../calibrate/groupedFetch';
import { withOutputs } from '../calibrate/instrument';
import type { LayerComparison } from '../compareResults';
import { InputError, throwIfCancelled } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Session, Slice, Work } from '../ports';
import { fromCodes } from './convertTensor';
import { withinRange } from './feedsFor';
import { GraphSide } from './graphSide';
import { LayerErrors } from './layerErrors';
import { pairLayers, type LayerPair, type LayerPairs } from './layerPairs';
import { asFed, LocalRuns, type LocalRun } from './localRuns';

/** Values of the first model that are held at a time stay below this many bytes; those of the second add as much. */
export const GROUP_BYTES = 256 * 2 ** 20;

export interface LayerComparisonOptions {
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Samples at most; all of the slice when absent. */
  readonly samples?: number;
  /** Lowered by tests. */
  readonly groupBytes?: number;
}

/**
 * Compares two models layer by layer. Accumulated: what a layer gives inside b against what it gives inside a, both run from
 * the inputs. Local: what the layer of b gives when it is fed with what a gives to it. A layer is what the runtime fuses: with
 * its BatchNormalization, Relu or Clip, and the Q/DQ pairs on its inputs and output. Models run sample by sample with Q/DQ as
 * float simulation.
 * Memory: both models, one sample, and `GROUP_BYTES` of values for each model.
 * @throws InputError when no layer of the two matches, RoundoffError when a model does not run, CancelledError
 */
export async function compareLayers(
  runtime: Runtime,
  a: Model,
  b: Model,
  slice: Slice,
  { dimensions, samples: most = slice.length, groupBytes = GROUP_BYTES }: LayerComparisonOptions = {},
  work: Work = {},
): Promise<Pick<LayerComparison, 'samples' | 'simulated' | 'layers' | 'unmatched'>> {
  const [sideA, sideB] = [new GraphSide(a, dimensions), new GraphSide(b, dimensions)];
  const pairs = pairLayers(sideA, sideB);
  if (pairs.pairs.length === 0) {
    throw new InputError(
      'No layer of the first model has a counterpart in the second one. Compare a model with one made from it.',
    );
  }
  const errors = new LayerErrors(sideB, pairs.pairs);
  const local = new LocalRuns(runtime, sideB, pairs, errors);
  const inputsOfA = new Set(sideA.inputs);
  const valuesOfA = [...new Set([...pairs.pairs.map(({ gives }) => gives.a), ...local.valuesOfA])].filter(
    (value) => !inputsOfA.has(value),
  );
  const simulate = { optimization: 'simulate' } as const;
  const sessionA = await runtime.openModel(withOutputs(a, valuesOfA), simulate);
  try {
    const valuesOfB = new Set(pairs.pairs.map(({ gives }) => gives.b));
    const sessionB = await runtime.openModel(withOutputs(b, valuesOfB), simulate);
    try {
      let runs: readonly LocalRun[] | undefined;
      let done = 0;
      const total = Math.min(most, slice.length);
      for await (const { feeds } of slice.samples()) {
        if (done === total) break;
        throwIfCancelled(work.signal);
        runs ??= await local.open(await bytesOfValues(sessionA, valuesOfA, feeds, work), groupBytes, work);
        const ofB = inputsFor(sideB, pairs, feeds);
        for (const run of runs) {
          throwIfCancelled(work.signal);
          const wanted = run.valuesOfA.filter((value) => !inputsOfA.has(value));
          const given = { ...feeds, ...decoded(sideA, await sessionA.run(feeds, wanted)) };
          throwIfCancelled(work.signal);
          const results = await sessionB.run(ofB, namesOf(run.pairs));
          errors.addAccumulated(run.pairs, given, results);
          await run.measure(given, ofB);
        }
        done++;
        work.onProgress?.(done, total, `Comparing layers: sample ${done} of ${total}`);
      }
      return { samples: done, simulated: true, layers: errors.toJson(), unmatched: unmatchedOf(pairs) };
    } finally {
      await sessionB.release();
    }
  } finally {
    await local.release();
    await sessionA.release();
  }
}

function namesOf(pairs: readonly LayerPair[]): string[] {
  return [...new Set(pairs.map(({ gives }) => gives.b))];
}

/** What the first model is fed, under the names of the second one's inputs and in their types. */
function inputsFor(b: GraphSide, { inputs }: LayerPairs, feeds: Feeds): Feeds {
  return Object.fromEntries(
    [...inputs].flatMap(([ofB, ofA]) => {
      const tensor = feeds[ofA];
      return tensor ? [[ofB, withinRange(ofB, tensor, asFed(b, ofB, tensor) ?? tensor)] as const] : [];
    }),
  );
}

/** Codes of a quantized operator as the numbers that they stand for. */
function decoded(a: GraphSide, tensors: Feeds): Feeds {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => {
      const format = a.codesOf(name);
      const codes = format && asNumbers(tensor);
      if (!codes) return [name, tensor];
      return [name, { type: 'float32' as const, dims: tensor.dims, data: fromCodes(codes, format) }];
    }),
  );
}

async function bytesOfValues(
  session: Session,
  values: readonly string[],
  feeds: Feeds,
  work: Work,
): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>();
  await new GroupedFetch(session, values).run(
    feeds,
    (name, tensor) => tensor && bytes.set(name, bytesOfTensors({ tensor })),
    work.signal,
  );
  return bytes;
}

function unmatchedOf({ unmatched }: LayerPairs): LayerComparison['unmatched'] {
  return { a: unmatched.a.map((each) => ({ ...each })), b: unmatched.b.map((each) => ({ ...each })) };
}
