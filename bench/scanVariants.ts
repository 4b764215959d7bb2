/**
 * Ways to run the trials of a scan, against each other: CPU milliseconds of one trial on all samples, with its share of the
 * sessions that were opened for it, on one thread.
 * - whole: a model for each trial, as `rewrite` makes it;
 * - fed: one session of the float model whose weights are inputs, for all trials (their heads would come on top);
 * - tails: the float model behind each layer as a session of that layer;
 * - chain: what a scan does, the float model in segments that all layers share;
 * each with so many samples a run, as far as the model takes them. Formats put together into one run would be more rows as well.
 * `npm run bench -- scanVariants [--model NAME] [--samples N] [--every N]`. Of every Nth layer. Needs ../shared/models.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeValueInfo } from '../src/core/onnx/build';
import { derive } from '../src/core/onnx/origin';
import { readFloat32 } from '../src/core/onnx/tensor';
import { DataType, type Model } from '../src/core/onnx/types';
import { onlyLayer } from '../src/core/plan/editPlan';
import { defaultPlan } from '../src/core/plan/planFile';
import type { Feeds, Runtime } from '../src/core/ports';
import { rewrite } from '../src/core/rewrite/rewrite';
import { holdSamples, runBaseline, type Baseline, type HeldSample } from '../src/core/scan/baseline';
import { FloatChain } from '../src/core/scan/floatChain';
import { scanFormats } from '../src/core/scan/formats';
import { cutOf } from '../src/core/scan/keptValues';
import { LayerTrials, type LayerTrialsContext } from '../src/core/scan/layerTrials';
import { modelFigures } from '../src/core/scan/modelFigures';
import { prepareScan, type ReadyScan } from '../src/core/scan/prepareScan';
import { Stopwatch } from '../src/core/scan/stopwatch';
import { mainNodeOf } from '../src/core/graph/suffix';
import { TrialCache } from '../src/core/scan/trialCache';
import { trialRanges } from '../src/core/scan/trialRanges';
import { unitOutput } from '../src/core/scan/unitOutput';
import { openModelFile } from '../src/engine/files/modelFile';
import { openModelData } from '../src/engine/methods/modelData';
import { outputsOf } from '../src/engine/methods/modelOutputs';
import { scanSlices } from '../src/engine/methods/scanInputs';
import { loadOrt } from '../src/engine/runtime/loadRuntime';
import { openRuntime } from '../src/engine/runtime/ortRuntime';
import { benchModels, type BenchModel } from './support/benchModels';
import { formatTable } from './support/table';

const FORMATS = scanFormats(['w8a8', 'w8a16', 'w4', 'w8']);
const ROWS = [1, 8, 32];

/** On one thread: others wait busily, which counts as CPU time too. */
async function singleThreaded(): Promise<Runtime> {
  const { InferenceSession } = await loadOrt();
  const create = InferenceSession.create.bind(InferenceSession) as (
    model: Uint8Array,
    options: object,
  ) => ReturnType<typeof InferenceSession.create>;
  Object.assign(InferenceSession, {
    create: (model: Uint8Array, options: object) => create(model, { ...options, intraOpNumThreads: 1 }),
  });
  return openRuntime();
}

async function cpuMilliseconds(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The float model's answers, `rows` samples a run. */
async function baselineOf(
  { runtime, index, outputs, layers, units }: Parts,
  samples: readonly HeldSample[],
  rows: number,
): Promise<Baseline> {
  const names = {
    outputs: outputs.map(({ name }) => name),
    cuts: layers.flatMap((layer) => cutOf(index, layer) ?? []),
    locals: layers.flatMap(({ name }) => unitOutput(index, units, name) ?? []),
  };
  const parts: Baseline[] = [];
  for (let at = 0; at < samples.length; at += rows) {
    parts.push(await runBaseline(runtime, index.model, samples.slice(at, at + rows), names, {}));
  }
  const [first] = parts;
  if (!first) throw new Error('no samples');
  return { ...first, batches: parts.flatMap(({ batches }) => batches) };
}

type Parts = Omit<LayerTrialsContext, 'baseline' | 'chain'> & Pick<ReadyScan, 'layers'>;

async function trialsOf(parts: Parts, baseline: Baseline, isCut: boolean): Promise<void> {
  const { runtime, index, layers, units, outputs } = parts;
  const ends = layers.flatMap(({ ref }) => {
    const at = mainNodeOf(index, ref);
    return at ? [units.clips.get(at) ?? at] : [];
  });
  const chain = new FloatChain(runtime, index, baseline, {
    outputs: outputs.map(({ name }) => name),
    unitEnds: isCut ? ends : [],
    formats: FORMATS.length,
  });
  for (const layer of layers) {
    const trials = new LayerTrials({ ...parts, baseline, chain }, layer);
    for (const format of FORMATS) await trials.measure(format, baseline.batches, () => undefined);
    await trials.release();
  }
  await chain.release();
}

async function wholeModels(parts: Parts, baseline: Baseline): Promise<void> {
  for (const { name } of parts.layers) {
    for (const { format } of FORMATS) {
      const { model } = await rewrite(parts.index.model, onlyLayer(parts.plan, name, format), parts.ranges);
      await modelFigures({ ...parts, baseline }, model);
    }
  }
}

/** One session for all trials: as many runs of it as there are, with weights that any layer might have. */
async function fedModel(parts: Parts, baseline: Baseline): Promise<void> {
  const { runtime, index, layers } = parts;
  const weights: Record<string, Feeds[string]> = {};
  for (const { tensor } of layers.flatMap((layer) => layer.weights)) {
    weights[tensor.name] = { type: 'float32', dims: tensor.dims, data: await readFloat32(tensor) };
  }
  const session = await runtime.openModel(withFedWeights(index.model, weights), { optimization: 'simulate' });
  for (let trial = 0; trial < layers.length * FORMATS.length; trial++) {
    for (const { feeds } of baseline.batches) await session.run({ ...feeds, ...weights });
  }
  await session.release();
}

function withFedWeights(model: Model, weights: Feeds): Model {
  const { graph } = model;
  if (!graph) return model;
  const input = Object.entries(weights).map(([name, { dims }]) => makeValueInfo(name, DataType.FLOAT, dims));
  const initializer = graph.initializer.filter(({ name }) => !weights[name]);
  return derive(model, { graph: derive(graph, { input: [...graph.input, ...input], initializer }) });
}

async function measure(
  runtime: Runtime,
  { name, file, evaluation }: BenchModel,
  count: number,
  every: number,
): Promise<(string | number)[][]> {
  const opened = await openModelFile(file ?? '');
  try {
    const plan = { ...defaultPlan, activationRange: 'max' as const };
    const data = await openModelData({ data: evaluation, samples: 16, scanSamples: count }, opened.model);
    const slices = scanSlices(data);
    const all = await prepareScan(opened.model, plan, FORMATS);
    const names = all.names.filter((_, at) => at % every === 0);
    const ready = await prepareScan(opened.model, plan, FORMATS, names);
    const outputs = outputsOf(opened.model);
    const cache = new TrialCache(undefined, runtime.version, plan, outputs);
    const plans = [...ready.every.values()].map((each) => each.plan);
    const ranges = await trialRanges(runtime, ready.prepared, plans, slices.calibrate, cache, {});
    const placements = new Map([...ready.every].map(([text, { placement }]) => [text, placement]));
    const parts = {
      ...ready,
      runtime,
      outputs,
      plan,
      placements,
      ranges,
      stopwatch: new Stopwatch(),
      work: {},
    };
    const samples = await holdSamples(slices.scan, () => '', {});
    const trials = ready.layers.length * FORMATS.length;
    const rows: (string | number)[][] = [];
    for (const wanted of ROWS) {
      const baseline = await baselineOf(parts, samples, wanted);
      // Fits the weights, which all variants share.
      if (rows.length === 0) await trialsOf(parts, baseline, true);
      const size = baseline.batches[0]?.samples.length ?? 1;
      if (size < wanted) continue;
      const variants = [
        () => wholeModels(parts, baseline),
        () => fedModel(parts, baseline),
        () => trialsOf(parts, baseline, false),
        () => trialsOf(parts, baseline, true),
      ];
      const times: number[] = [];
      for (const run of variants) times.push((await cpuMilliseconds(run)) / trials);
      rows.push([name, ready.layers.length, size, ...times.map((time) => time.toFixed(1))]);
    }
    return rows;
  } finally {
    await opened.close();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      samples: { type: 'string', default: '32' },
      every: { type: 'string', default: '3' },
    },
  });
  const runtime = await singleThreaded();
  const heading = ['model', 'layers', 'samples a run', 'whole', 'fed', 'tails', 'chain'];
  const rows: (string | number)[][] = [heading];
  for (const model of benchModels) {
    const isWanted = values.model === undefined || values.model === model.name;
    if (!isWanted || !model.file || !existsSync(model.evaluation)) continue;
    rows.push(...(await measure(runtime, model, Number(values.samples), Number(values.every))));
    console.log(formatTable(rows));
  }
}

await main();
