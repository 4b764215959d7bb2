/**
 * A scan of all layers of ResNet-18 in four formats on 32 samples, as whole processes: time of the trials against running the
 * float model once for each, time of the preparation, memory, and the same scan again with its results kept. Then a scan in three
 * formats beside the naive loop with ONNX Runtime's Python tool over w8a8, w8a16 and w4a8 (static 4-bit weights, which a scan has
 * not: ours is w4).
 * `npm run bench -- scan [--model NAME] [--samples N] [--cli FILE]`. Times the programs of `npm run build`. Needs ../shared/models and,
 * for the tool, a Python with onnxruntime and onnx (PYTHON=path/to/python). Exit code 1 when a limit is not met.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { indexGraph } from '../src/core/graph/graphIndex';
import { findLayers } from '../src/core/graph/layers';
import { inferShapes } from '../src/core/graph/shapes';
import { modelSize } from '../src/core/onnx/write';
import type { ScanResult } from '../src/core/results';
import { openDataSet } from '../src/engine/data/openDataSet';
import { modelInputs } from '../src/engine/data/modelInputs';
import { openModelFile } from '../src/engine/files/modelFile';
import { openRuntime } from '../src/engine/runtime/ortRuntime';
import { benchModels } from './support/benchModels';
import { measureProcess, type MeasuredProcess } from './support/measureProcess';
import { outputFolder, root } from './support/paths';
import { findPython, makeArrays } from './support/peers';
import { formatTable, median } from './support/table';

/**
 * Trials: this share of running the float model for each, and a constant. Preparation: seconds per 10 million weights and format.
 * The whole with three formats: so many times as fast as the naive loop. Memory: times model and kept tensors.
 */
const LIMITS = { share: 0.6, constantSeconds: 2, preparationSeconds: 1, naive: 8, memory: 3 };
const SCHEMES = ['w8a8', 'w8a16', 'w4,block:32', 'lut16'];
const NAIVE_SCHEMES = ['w8a8', 'w8a16', 'w4'];

/** Seconds to run the float model on `count` samples one by one, as a user would: the median of five passes. */
async function floatPassSeconds(file: string, data: string, count: number): Promise<number> {
  const opened = await openModelFile(file);
  try {
    const { graph } = opened.model;
    if (!graph) throw new Error(`${file} has no graph`);
    const samples = await openDataSet(data, modelInputs(graph), 1);
    const feeds = await Promise.all(
      Array.from({ length: count }, async (_, at) => (await samples.sample(at)).feeds),
    );
    const session = await (await openRuntime()).openFile(file, { optimization: 'full' });
    const passes: number[] = [];
    for (let pass = 0; pass < 6; pass++) {
      const start = performance.now();
      for (const each of feeds) await session.run(each);
      if (pass > 0) passes.push((performance.now() - start) / 1000);
    }
    await session.release();
    return median(passes);
  } finally {
    await opened.close();
  }
}

function runScan(
  cli: string,
  file: string,
  data: string,
  schemes: readonly string[],
  more: readonly string[],
): Promise<MeasuredProcess> {
  const wanted = schemes.flatMap((scheme) => ['--scheme', scheme]);
  const options = ['--data', data, '--activation-range', 'max', '--json', ...wanted, ...more];
  return measureProcess(process.execPath, [cli, 'scan', file, ...options]);
}

function resultOf({ exitCode, stdout, stderr }: MeasuredProcess): ScanResult {
  if (exitCode !== 0) throw new Error(`the scan ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as ScanResult;
}

function naiveSeconds(python: string, file: string, data: string, count: number): number {
  const script = join(root, 'bench', 'peers', 'ort_layers.py');
  const { stdout, stderr, status } = spawnSync(python, [script, file, data, data, String(count)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`the tool failed: ${stderr}`);
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'cifar10_resnet18' },
      samples: { type: 'string', default: '32' },
      cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') },
    },
  });
  const model = benchModels.find(({ name }) => name === values.model);
  if (!model?.file) throw new Error(`${values.model} is not on this machine`);
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  const python = findPython();
  if (python === undefined && !existsSync(model.evaluation)) throw new Error('the arrays need Python once');
  if (python !== undefined) makeArrays(python);
  const { file, evaluation } = model;
  const count = Number(values.samples);
  mkdirSync(outputFolder, { recursive: true });
  const cache = mkdtempSync(join(tmpdir(), 'bench-scan-'));
  try {
    const load = loadavg()[0] ?? 0;
    console.log(
      `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${load.toFixed(1)}; ${values.model}, ${count} samples`,
    );
    const pass = await floatPassSeconds(file, evaluation, count);
    const more = ['--samples', values.samples];
    const first = await runScan(values.cli, file, evaluation, SCHEMES, [...more, '--cache', cache]);
    const again = await runScan(values.cli, file, evaluation, SCHEMES, [...more, '--cache', cache]);
    const result = resultOf(first);
    report(result, pass, first, resultOf(again), again);
    await judgeSizes(result, file, first);
    if (python === undefined)
      console.log('No Python with onnxruntime and onnx (variable PYTHON): ours alone.');
    else {
      const three = await runScan(values.cli, file, evaluation, NAIVE_SCHEMES, [...more, '--no-cache']);
      resultOf(three);
      const naive = naiveSeconds(python, file, evaluation, count);
      judge(
        `naive loop with the tool, three schemes: ${naive.toFixed(1)} s; a scan in ${NAIVE_SCHEMES.join(', ')}: ${three.seconds.toFixed(1)} s`,
        naive / three.seconds >= LIMITS.naive,
        `${(naive / three.seconds).toFixed(1)} times as fast, ${LIMITS.naive} wanted`,
      );
    }
  } finally {
    rmSync(cache, { recursive: true });
  }
}

function report(
  result: ScanResult,
  pass: number,
  first: MeasuredProcess,
  second: ScanResult,
  again: MeasuredProcess,
): void {
  const { candidates, trialSeconds, floatPassSeconds: batched } = result;
  const failed = candidates.filter(({ error }) => error !== undefined).length;
  const full = candidates.length * pass;
  const rows = [
    ['', 'process s', 'preparation s', 'trials s', 'runs', 'peak MB'],
    ...[['first', result, first] as const, ['again', second, again] as const].map(
      ([label, { preparationSeconds: p, trialSeconds: t, trials }, { seconds, peakBytes }]) => [
        label,
        seconds.toFixed(2),
        p.toFixed(2),
        t.toFixed(2),
        String(trials),
        (peakBytes / 1e6).toFixed(0),
      ],
    ),
  ];
  console.log(formatTable(rows));
  console.log(
    `${candidates.length} candidates, ${failed} failed; a float pass one by one ${pass.toFixed(3)} s, in batches with values kept ${batched.toFixed(3)} s`,
  );
  const allowed = LIMITS.share * full + LIMITS.constantSeconds;
  judge(
    `trials ${trialSeconds.toFixed(2)} s`,
    trialSeconds <= allowed,
    `${allowed.toFixed(2)} s allowed: ${LIMITS.share} × ${candidates.length} × ${pass.toFixed(3)} s + ${LIMITS.constantSeconds} s`,
  );
}

/** What depends on how large the model is. */
async function judgeSizes(result: ScanResult, file: string, { peakBytes }: MeasuredProcess): Promise<void> {
  const { preparationSeconds, keptBytes, candidates } = result;
  const opened = await openModelFile(file);
  const layers = findLayers(indexGraph(opened.model), inferShapes(indexGraph(opened.model)));
  const [modelBytes, weights] = [
    await modelSize(opened.model),
    layers.reduce((sum, layer) => sum + (layer.quantizable ? layer.parameters : 0), 0),
  ];
  await opened.close();
  const formats = new Set(candidates.map(({ scheme }) => scheme)).size;
  const seconds = (LIMITS.preparationSeconds * formats * weights) / 1e7;
  judge(
    `preparation ${preparationSeconds.toFixed(2)} s`,
    preparationSeconds <= seconds,
    `${seconds.toFixed(2)} s allowed for ${formats} formats of ${(weights / 1e6).toFixed(1)} million weights`,
  );
  const most = LIMITS.memory * (modelBytes + keptBytes);
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  judge(
    `peak ${megabytes(peakBytes)} in all processes`,
    peakBytes <= most,
    `${megabytes(most)} allowed: ${LIMITS.memory} × (model ${megabytes(modelBytes)} + kept values ${megabytes(keptBytes)})`,
  );
}

function judge(what: string, met: boolean, limit: string): void {
  console.log(`${met ? 'Within' : 'NOT within'} the target: ${what}; ${limit}.`);
  if (!met) process.exitCode = 1;
}

await main();
