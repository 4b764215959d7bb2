/**
 * What quantization costs: output SQNR against the float model, ours beside ONNX Runtime's own tool, both calibrated and
 * measured on the same disjoint arrays, all files run at full optimization.
 * `npm run bench -- quality [MODEL...] [--range RULE]`. Needs the models beside the repository and, for the arrays and the
 * tool's files, a Python with onnxruntime, onnx, numpy and pillow (PYTHON=path/to/python). Exit code 1 when ours is below.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quantizeModel } from '../src/core/recover/quantizeModel';
import { OutputErrors } from '../src/core/calibrate/outputErrors';
import { defaultPlan } from '../src/core/plan/planFile';
import type { Sample } from '../src/core/ports';
import type { ActivationRangeRule } from '../src/core/quant/scheme';
import { arrayDataSet } from '../src/engine/data/arrayDataSet';
import { openArrayFile } from '../src/engine/data/arrayFile';
import type { DataSet } from '../src/engine/data/dataSet';
import { modelInputs } from '../src/engine/data/modelInputs';
import { openModelFile } from '../src/engine/files/modelFile';
import { writeModelFile } from '../src/engine/files/writeModelFile';
import { openRuntime } from '../src/engine/runtime/ortRuntime';
import { benchModels, type BenchModel } from './support/benchModels';
import { findPython, makeArrays, TOOL_METHODS, toolFigures, toolFile } from './support/peers';
import { formatTable } from './support/table';
import { TaskScore } from './support/taskScore';

/** Ours may be this much below the tool's best calibration method: less is noise of the choice of samples. */
const MARGIN_DB = 0.2;

type Runtime = Awaited<ReturnType<typeof openRuntime>>;

interface Measured {
  readonly sqnrDb: ReadonlyMap<string, number>;
  readonly score: string;
  readonly bytes: number;
}

async function dataSet(model: BenchModel, arrays: string): Promise<DataSet> {
  const opened = await openModelFile(model.file ?? '');
  const { graph } = opened.model;
  if (!graph) throw new Error(`${model.name} has no graph`);
  const specs = modelInputs(graph);
  await opened.close();
  return arrayDataSet(arrays, 'npz', await openArrayFile(arrays), specs);
}

async function* all(data: DataSet): AsyncIterable<Sample> {
  for (let index = 0; index < data.length; index++) yield await data.sample(index);
}

/** Errors of each file against the float model, over all of `data`; every float output is computed once. */
async function measure(
  runtime: Runtime,
  float: string,
  files: ReadonlyMap<string, string>,
  data: DataSet,
): Promise<Map<string, Measured>> {
  const reference = await runtime.openFile(float, { optimization: 'full' });
  const runs = [];
  for (const [label, file] of files) {
    const session = await runtime.openFile(file, { optimization: 'full' });
    runs.push({ label, file, session, errors: new OutputErrors(), score: new TaskScore() });
  }
  for await (const { feeds, label } of all(data)) {
    const expected = await reference.run(feeds);
    for (const { session, errors, score } of runs) {
      const outputs = await session.run(feeds);
      errors.add(expected, outputs);
      const [first] = Object.values(outputs);
      if (first && label !== undefined) score.add(first, label);
    }
  }
  await Promise.all([reference, ...runs.map(({ session }) => session)].map((session) => session.release()));
  return new Map(
    runs.map(({ label, file, errors, score }) => [
      label,
      {
        sqnrDb: new Map(errors.toJson().map(({ name, sqnrDb }) => [name, sqnrDb ?? Infinity])),
        score: score.toString(),
        bytes: statSync(file).size,
      },
    ]),
  );
}

/** Writes our file. @returns what it took and how the ranges were chosen. */
async function quantizeOurs(
  runtime: Runtime,
  model: BenchModel,
  output: string,
  activationRange: ActivationRangeRule,
): Promise<{ seconds: number; notes: readonly string[] }> {
  const data = await dataSet(model, model.calibration);
  const start = performance.now();
  const opened = await openModelFile(model.file ?? '');
  try {
    const slice = { name: 'calibrate' as const, length: data.length, samples: () => all(data) };
    const result = await quantizeModel(opened.model, { ...defaultPlan, activationRange }, { runtime, slice });
    mkdirSync(model.folder, { recursive: true });
    await writeModelFile(result.model, output);
    return { seconds: (performance.now() - start) / 1000, notes: result.notes };
  } finally {
    await opened.close();
  }
}

function row(
  label: string,
  { sqnrDb, score, bytes }: Measured,
  floatBytes: number,
  seconds: string,
): string[] {
  const db = [...sqnrDb.values()].map((value) => (value === Infinity ? 'identical' : value.toFixed(2)));
  return [label, db.join(' '), score, `${((100 * bytes) / floatBytes).toFixed(1)} %`, seconds];
}

/** @returns whether ours is good enough; true when there is nothing to compare with. */
async function benchModel(
  runtime: Runtime,
  model: BenchModel,
  python: string | undefined,
  range: ActivationRangeRule,
): Promise<boolean> {
  const tool = python === undefined ? undefined : toolFigures(python, model);
  const ours = join(model.folder, 'ours.onnx');
  const { seconds, notes } = await quantizeOurs(runtime, model, ours, range);
  const float = model.file ?? '';
  const files = new Map([
    ['float', float],
    ['ours', ours],
    ...TOOL_METHODS.map((method): [string, string] => [`tool ${method}`, toolFile(model, method)]),
  ]);
  for (const [label, file] of files) if (!existsSync(file)) files.delete(label);
  const measured = await measure(runtime, float, files, await dataSet(model, model.evaluation));
  const floatBytes = statSync(float).size;
  const rows = [...measured].map(([label, figures]) => {
    const took = label === 'ours' ? seconds : tool?.[label.replace('tool ', '')]?.seconds;
    return row(label, figures, floatBytes, took === undefined ? '' : `${took.toFixed(1)} s`);
  });
  console.log(`\n${formatTable([[model.name, 'SQNR dB', 'score', 'bytes', 'time'], ...rows])}`);
  for (const note of notes) console.log(`  ${note}`);
  const got = measured.get('ours')?.sqnrDb ?? new Map<string, number>();
  let enough = true;
  for (const [name, db] of got) {
    const best = Math.max(
      ...TOOL_METHODS.map((m) => measured.get(`tool ${m}`)?.sqnrDb.get(name) ?? -Infinity),
    );
    if (best === -Infinity) continue;
    const verdict = db >= best - MARGIN_DB ? 'enough' : 'TOO LOW';
    if (verdict !== 'enough') enough = false;
    console.log(`  ${name}: ours ${db.toFixed(2)} dB, the tool's best ${best.toFixed(2)} dB: ${verdict}`);
  }
  return enough;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { range: { type: 'string', default: 'auto' } },
  });
  const python = findPython();
  if (python === undefined) {
    console.log(
      'No peers: no Python with onnxruntime, onnx, numpy and pillow (set PYTHON). Arrays made before are used.',
    );
  } else {
    makeArrays(python);
  }
  const runtime = await openRuntime();
  for (const model of benchModels) {
    if (positionals.length > 0 && !positionals.includes(model.name)) continue;
    if (!model.file || !existsSync(model.evaluation)) {
      console.log(`${model.name}: the model or its arrays are not on this machine, left out.`);
      continue;
    }
    if (!(await benchModel(runtime, model, python, values.range as ActivationRangeRule)))
      process.exitCode = 1;
  }
}

await main();
