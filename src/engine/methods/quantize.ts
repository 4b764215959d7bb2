import { resolve } from 'node:path';
import { verify } from '../../core/compare/verify';
import { quantizeModel, type QuantizedModel } from '../../core/recover/quantizeModel';
import { throwIfCancelled } from '../../core/errors';
import { planForModel, unchangedNotes } from './planForModel';
import type { Plan } from '../../core/plan/types';
import type { Session, Work } from '../../core/ports';
import type { QuantizedLayer, QuantizeResult } from '../../core/results';
import type { RewrittenLayer } from '../../core/rewrite/rewrite';
import type { QuantizeRequest } from '../../shared/rpc';
import { RANDOM } from '../data/randomDataSet';
import { sliceOf } from '../data/slices';
import { openModelFile, type OpenedModel } from '../files/modelFile';
import { identityAt } from '../files/writeModelFile';
import { RuntimeFailure } from '../engineErrors';
import type { CallContext, EngineHandlers } from '../messages';
import { openRuntime, type OrtRuntime } from '../runtime/ortRuntime';
import { openModelData, type ModelData } from './modelData';
import { sizeOf } from './modelFiles';
import { quantizeSource } from './scanInputs';
import { type StagedOutput, withStagedOutput } from './stagedOutput';
import { workOf } from './work';

/**
 * Writes a quantized model: calibrate, rewrite, write, then run the written file against the float one on samples that
 * calibration did not see. The file appears only when all of that went well.
 */
export const quantize: EngineHandlers['quantize'] = async (request, call) => {
  const opened = await openModelFile(request.file, call);
  try {
    return await withStagedOutput(request.output, opened, (staged) =>
      quantizeTo(staged, opened, request, call),
    );
  } finally {
    await opened.close();
  }
};

async function quantizeTo(
  staged: StagedOutput,
  opened: OpenedModel,
  request: QuantizeRequest,
  call: CallContext,
): Promise<QuantizeResult> {
  const start = performance.now();
  const work = workOf(call);
  const before = sizeOf(await opened.files());
  const { plan, mustRun, notes } = await planForModel(opened, request, work);
  const data =
    request.calibration && (await openModelData(request.calibration, opened.model, plan.dimensions));
  const runtime = data && (await runtimeFor(mustRun, notes));
  const quantized = await quantizeWith(runtime, data, plan, opened, request, work);
  const layers = await layerResults(quantized.layers, request.countUnique === true, work);

  const { bytes: after } = await staged.write(quantized.model, work);
  await readBack(staged.path);
  const verification = data && runtime ? await verifyFile(runtime, opened, staged, data, notes, work) : null;
  throwIfCancelled(work.signal);
  await staged.commit();
  return {
    output: resolve(request.output),
    bytes: { before, after },
    layers,
    totals: totalsOf(layers),
    verification,
    calibration: data && { data: data.dataSet.data, samples: data.deal.calibrate.length, seed: data.seed },
    ...(quantized.recovered && { recovered: quantized.recovered }),
    notes: [...notes, ...unchangedNotes(layers), ...quantized.notes, ...dataNotes(request, data)],
    seconds: (performance.now() - start) / 1000,
  };
}

async function quantizeWith(
  runtime: OrtRuntime | undefined,
  data: ModelData | undefined,
  plan: Plan,
  opened: OpenedModel,
  request: QuantizeRequest,
  work: Work,
): Promise<QuantizedModel> {
  if (!data || !runtime) return quantizeModel(opened.model, plan, undefined, work);
  const source = await quantizeSource(runtime, data, plan, opened, request.cache, work.signal);
  return quantizeModel(opened.model, plan, source, work);
}

/** Undefined, with a note, where there is no runtime and the model can be made without one. */
async function runtimeFor(mustRun: boolean, notes: string[]): Promise<OrtRuntime | undefined> {
  try {
    return await openRuntime();
  } catch (error) {
    if (mustRun || !(error instanceof RuntimeFailure)) throw error;
    notes.push(`Not verified. ${error.message}`);
    return undefined;
  }
}

/** The written file must open as a model again. */
async function readBack(path: string): Promise<void> {
  const again = await openModelFile(path);
  await again.close();
}

/** Null when calibration took every sample. */
async function verifyFile(
  runtime: OrtRuntime,
  opened: OpenedModel,
  written: StagedOutput,
  data: ModelData,
  notes: string[],
  work: Work,
): Promise<QuantizeResult['verification']> {
  const slice = sliceOf(data.dataSet, data.deal, 'verify');
  if (slice.length === 0) return null;
  const float = await openFloat(runtime, opened);
  try {
    const quantized = await runtime.openFile(written.path, { optimization: 'full' }, written.destination);
    try {
      const { notes: found, ...figures } = await verify(float, quantized, slice, work);
      notes.push(...found);
      return { slice: 'verify', ...figures };
    } finally {
      await quantized.release();
    }
  } finally {
    await float.release();
  }
}

/** The model that was quantized, even when another one has taken its name since. */
async function openFloat(runtime: OrtRuntime, opened: OpenedModel): Promise<Session> {
  const [source] = await opened.files();
  // Fails when the file was changed in place.
  await source?.read(0, 1);
  const isThere = async () => source?.identity === (await identityAt(opened.path));
  const options = { optimization: 'full' } as const;
  if (await isThere()) {
    const session = await runtime.openFile(opened.path, options);
    if (await isThere()) return session;
    await session.release();
  }
  return runtime.openModel(opened.model, options);
}

async function layerResults(
  rewritten: readonly RewrittenLayer[],
  countUnique: boolean,
  work: Work,
): Promise<QuantizedLayer[]> {
  const layers: QuantizedLayer[] = [];
  for (const layer of rewritten) {
    const { measureWeight, bytesBefore, bytesAfter, ...words } = layer;
    throwIfCancelled(work.signal);
    work.onProgress?.(layers.length, rewritten.length, `Measuring the weight of ${words.name}`);
    const error = await measureWeight(countUnique);
    layers.push({
      ...words,
      weightSse: error?.sse ?? null,
      weightSqnrDb: error?.sqnrDb ?? null,
      uniqueBefore: error?.uniqueBefore ?? null,
      uniqueAfter: error?.uniqueAfter ?? null,
      bytesBefore,
      bytesAfter,
    });
  }
  return layers;
}

function totalsOf(layers: readonly QuantizedLayer[]): QuantizeResult['totals'] {
  const quantized = layers.filter(({ scheme }) => scheme !== 'float').length;
  const sum = (size: (layer: QuantizedLayer) => number): number =>
    layers.reduce((total, layer) => total + size(layer), 0);
  return {
    quantized,
    float: layers.length - quantized,
    bytesBefore: sum(({ bytesBefore }) => bytesBefore),
    bytesAfter: sum(({ bytesAfter }) => bytesAfter),
  };
}

function dataNotes({ calibration }: QuantizeRequest, data: ModelData | undefined): string[] {
  if (!calibration) return ['Nothing was run: there is no calibration data.'];
  const notes = [...(data?.dataSet.notes?.() ?? [])];
  if (calibration.data === RANDOM) {
    notes.push(
      'Calibrated and verified with random inputs: the ranges and figures say little about real data.',
    );
  }
  if (data?.deal.verify.length === 0) {
    notes.push(
      'Not verified: calibration took every sample. Give more samples, or ask for fewer with --samples.',
    );
  }
  return notes;
}
