/**
 * Time of one run at batch 1: the float model, our file and the tool's file, in one process, run by run in turn, all at
 * full optimization. Then what the optimizer made of our file, which must have no float Conv, Gemm or Add.
 * `npm run bench -- latency [MODEL] [--runs N] [--threads N]`; `npm run bench -- quality MODEL` makes the files it times.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openModelFile } from '../src/engine/files/modelFile';
import { openArrayFile } from '../src/engine/data/arrayFile';
import { benchModels, type BenchModel } from './support/benchModels';
import { TOOL_METHODS, toolFile } from './support/peers';
import { formatTable, median, quantile } from './support/table';

/** Float kernels that a fully quantized convolutional network should not have left, fused forms included. */
const floatKernels = /^(?:Conv|FusedConv|NhwcFusedConv|Gemm|FusedGemm|MatMul|FusedMatMul|Add)$/;
const WARM_UP_RUNS = 10;

interface Contender {
  readonly label: string;
  readonly session: InferenceSession;
  readonly times: number[];
}

async function loadInputs(model: BenchModel, names: readonly string[]): Promise<Record<string, Tensor>[]> {
  const arrays = await openArrayFile(model.evaluation);
  const feeds: Record<string, Tensor>[] = [];
  for (let sample = 0; sample < 16; sample++) {
    const feed: Record<string, Tensor> = {};
    for (const name of names) {
      const array = arrays.get(name);
      const data = await array?.slices(sample, 1);
      if (!array || !(data instanceof Float32Array)) throw new Error(`no float32 array for input ${name}`);
      feed[name] = new Tensor('float32', data, [1, ...array.dims.slice(1)]);
    }
    feeds.push(feed);
  }
  return feeds;
}

async function timeInTurn(
  contenders: readonly Contender[],
  feeds: readonly Record<string, Tensor>[],
  runs: number,
): Promise<void> {
  for (let run = -WARM_UP_RUNS; run < runs; run++) {
    const feed = feeds[(run + WARM_UP_RUNS) % feeds.length] ?? {};
    for (const { session, times } of contenders) {
      const start = performance.now();
      await session.run(feed);
      if (run >= 0) times.push(performance.now() - start);
    }
  }
}

/** Operator → count in the graph that the runtime executes. */
async function executedOperators(file: string): Promise<Map<string, number>> {
  const optimized = `${file}.optimized`;
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: 'all',
    optimizedModelFilePath: optimized,
    logSeverityLevel: 3,
  });
  await session.release();
  const opened = await openModelFile(optimized);
  const counts = new Map<string, number>();
  for (const { opType } of opened.model.graph?.node ?? []) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  await opened.close();
  rmSync(optimized);
  return counts;
}

function report(contenders: readonly Contender[]): void {
  const base = median(contenders[0]?.times ?? []);
  const rows = contenders.map(({ label, times }) => {
    const middle = median(times);
    const verdict = middle > base * 1.02 ? 'slower than float' : '';
    const spread = `${quantile(times, 0.1).toFixed(2)} to ${quantile(times, 0.9).toFixed(2)}`;
    return [label, middle.toFixed(2), spread, `${(base / middle).toFixed(2)}x`, verdict];
  });
  console.log(formatTable([['', 'median ms', '10 to 90 %', 'speed', ''], ...rows]));
}

function reportOperators(label: string, counts: ReadonlyMap<string, number>): void {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  console.log(`\n${label} as executed: ${sorted.map(([op, count]) => `${op} ${count}`).join(', ')}`);
  const left = sorted.filter(([op]) => floatKernels.test(op));
  console.log(
    left.length === 0
      ? 'No float Conv, Gemm, MatMul or Add is left.'
      : `Left in float: ${left.map(([op, count]) => `${op} ${count}`).join(', ')}.`,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: 'string', default: '200' }, threads: { type: 'string', default: '0' } },
  });
  const name = positionals[0] ?? 'cifar10_resnet18';
  const model = benchModels.find((candidate) => candidate.name === name);
  if (!model?.file || !existsSync(model.evaluation)) {
    console.log(
      `${name} or its arrays are not on this machine; run "npm run bench -- quality ${name}" first.`,
    );
    return;
  }
  const files: [label: string, file: string][] = [['float', model.file]];
  for (const [label, file] of [
    ['ours', join(model.folder, 'ours.onnx')],
    ...TOOL_METHODS.slice(0, 1).map((method) => ["ONNX Runtime's tool", toolFile(model, method)]),
  ] as [string, string][]) {
    if (existsSync(file)) files.push([label, file]);
    else console.log(`No file by ${label}: ${file} is absent.`);
  }
  const contenders: Contender[] = [];
  for (const [label, file] of files) {
    const session = await InferenceSession.create(file, {
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      ...(values.threads !== '0' && { intraOpNumThreads: Number(values.threads) }),
      // Threads that wait by spinning would take processor time from the next contender's run.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    contenders.push({ label, session, times: [] });
  }
  const feeds = await loadInputs(model, contenders[0]?.session.inputNames ?? []);
  console.log(
    `${name}, batch 1, ${values.runs} runs in turn, threads: ${values.threads === '0' ? 'default' : values.threads}`,
  );
  await timeInTurn(contenders, feeds, Number(values.runs));
  report(contenders);
  for (const [label, file] of files.slice(1)) reportOperators(label, await executedOperators(file));
}

await main();
