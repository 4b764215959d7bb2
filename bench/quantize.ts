/**
 * Time and memory to quantize weights to int8 per channel: `roundoff quantize --scheme w8` beside what ONNX Runtime's Python
 * tool has for models without data, on the same generated model, as whole processes in turn. Then ours on smaller and larger
 * models with weights of the same sizes: memory must not follow the model.
 * `npm run bench -- quantize [--runs N] [--gigabytes N] [--large N] [--cli FILE]`. Times the programs of `npm run build`. Needs, for
 * the tool, a Python with onnxruntime and onnx (PYTHON=path/to/python). Exit code 1 when a limit is not met.
 */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeModelFile } from '../src/engine/files/writeModelFile';
import { type MeasuredProcess, measureProcess } from './support/measureProcess';
import { outputFolder, root } from './support/paths';
import { findPython } from './support/peers';
import { LARGEST_WEIGHT_BYTES, randomModel } from './support/randomModel';
import { formatTable, median } from './support/table';

/** Ours must be this many times faster than the tool, and may take this many times the memory on a larger model. */
const LIMITS = { speed: 4, memory: 1.2 };

const folder = join(outputFolder, 'quantize');

interface Contender {
  readonly label: string;
  readonly command: string;
  readonly args: (model: string, output: string) => readonly string[];
}

interface Measured {
  readonly seconds: readonly number[];
  readonly peakBytes: number;
  readonly outputBytes: number;
}

async function makeModel(gigabytes: number): Promise<string> {
  const path = join(folder, `${gigabytes}GB.onnx`);
  if (!existsSync(path)) await writeModelFile(randomModel(gigabytes * 1e9), path);
  return path;
}

/** Size of a model and of its data file, if any. */
function bytesOf(path: string): number {
  const data = path.replace(/\.onnx$/, '.data');
  return statSync(path).size + (existsSync(data) ? statSync(data).size : 0);
}

function ours(cli: string, label: string, ...more: readonly string[]): Contender {
  const args = (model: string, output: string) => [
    cli,
    'quantize',
    model,
    '--scheme',
    'w8',
    '-o',
    output,
    ...more,
  ];
  return { label, command: process.execPath, args };
}

function tool(python: string, way: string, label: string): Contender {
  const script = join(root, 'bench', 'peers', 'ort_weights.py');
  return { label, command: python, args: (model, output) => [script, way, model, output] };
}

/** All contenders on one model, run by run in turn. One that fails is reported and left out. */
async function measure(
  contenders: readonly Contender[],
  model: string,
  runs: number,
): Promise<Map<Contender, Measured>> {
  const results = new Map<Contender, { seconds: number[]; peakBytes: number; outputBytes: number }>();
  const failed = new Set<Contender>();
  for (let run = 0; run < runs; run++) {
    for (const contender of contenders) {
      if (failed.has(contender)) continue;
      const output = join(folder, 'written.onnx');
      const { seconds, peakBytes, ...end } = await runOnce(contender, model, output);
      if (end.exitCode !== 0) {
        failed.add(contender);
        console.log(`${contender.label}: failed. ${end.stderr.trim().split('\n').at(-1) ?? ''}`);
        continue;
      }
      const result = results.get(contender) ?? { seconds: [], peakBytes: 0, outputBytes: bytesOf(output) };
      results.set(contender, result);
      result.seconds.push(seconds);
      result.peakBytes = Math.max(result.peakBytes, peakBytes);
    }
  }
  return results;
}

async function runOnce(contender: Contender, model: string, output: string): Promise<MeasuredProcess> {
  for (const path of [output, output.replace(/\.onnx$/, '.data')]) rmSync(path, { force: true });
  return measureProcess(contender.command, contender.args(model, output));
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);

/** @returns whether ours is as much faster than the tool's usual way as it must be. */
function reportSpeed(results: ReadonlyMap<Contender, Measured>, bytes: number, hasTool: boolean): boolean {
  const times = [...results.values()].map(({ seconds }) => median(seconds));
  const base = times[0] ?? NaN;
  const rows = [...results].map(([{ label }, { seconds, peakBytes, outputBytes }]) => {
    const middle = median(seconds);
    const spread = `${Math.min(...seconds).toFixed(1)} to ${Math.max(...seconds).toFixed(1)}`;
    const rate = megabytes(bytes / middle);
    const ratio = `${(middle / base).toFixed(2)}x`;
    return [label, middle.toFixed(2), spread, rate, ratio, megabytes(peakBytes), megabytes(outputBytes)];
  });
  console.log(formatTable([['', 'median s', 'range', 'MB/s', 'of ours', 'peak MB', 'written MB'], ...rows]));
  if (!hasTool || times.length < 3) return true;
  // The third row: after ours, plain and with --json.
  const ratio = (times[2] ?? NaN) / base;
  const met = ratio >= LIMITS.speed;
  console.log(
    `${met ? 'Within' : 'NOT within'} the target: ${ratio.toFixed(2)} times as fast as the tool's usual way; ${LIMITS.speed} wanted.`,
  );
  return met;
}

function reportMemory(rows: readonly { bytes: number; measured: Measured }[]): boolean {
  console.log(
    `\nOurs by size of the model; the largest weight has ${megabytes(LARGEST_WEIGHT_BYTES)} MB in each:`,
  );
  const header = ['model MB', 'seconds', 'MB/s', 'peak MB'];
  const cells = rows.map(({ bytes, measured }) => {
    const seconds = median(measured.seconds);
    return [megabytes(bytes), seconds.toFixed(2), megabytes(bytes / seconds), megabytes(measured.peakBytes)];
  });
  console.log(formatTable([header, ...cells]));
  const peaks = rows.map(({ measured }) => measured.peakBytes);
  const growth = (peaks.at(-1) ?? NaN) / (peaks[1] ?? NaN);
  // Where memory cannot be read there is nothing to judge.
  const met = !(growth > LIMITS.memory);
  console.log(
    `${met ? 'Within' : 'NOT within'} the target: ${growth.toFixed(2)} times the memory of the second model for the largest; ${LIMITS.memory} allowed.`,
  );
  return met;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      gigabytes: { type: 'string', default: '1.03' },
      large: { type: 'string', default: '4' },
      cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  mkdirSync(folder, { recursive: true });
  const runs = Number(values.runs);
  const plain = ours(values.cli, 'ours');
  const contenders = [plain, ours(values.cli, 'ours, --json', '--json')];
  const python = findPython();
  if (python === undefined) {
    console.log('No Python with onnxruntime and onnx (variable PYTHON): ours alone.');
  } else {
    contenders.push(
      tool(python, 'dynamic', 'tool: quantize_dynamic, per channel'),
      tool(python, 'core', 'tool: the same without shape inference'),
      tool(python, 'nbits', 'tool: MatMulNBitsQuantizer, 8 bits (MatMul only)'),
    );
  }
  const model = await makeModel(Number(values.gigabytes));
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}; whole processes, median of ${runs} runs in turn, file cache warm`,
  );
  // Once before, so that the file is in the cache for all.
  await runOnce(plain, model, join(folder, 'written.onnx'));
  const results = await measure(contenders, model, runs);
  let met = reportSpeed(results, bytesOf(model), python !== undefined);

  const measured = results.get(plain);
  if (!measured) throw new Error('ours failed');
  const rows: { bytes: number; measured: Measured }[] = [];
  for (const gigabytes of [0.1, Number(values.gigabytes), Number(values.large)]) {
    const file = await makeModel(gigabytes);
    const result = file === model ? measured : (await measure([plain], file, runs)).get(plain);
    if (result) rows.push({ bytes: bytesOf(file), measured: result });
  }
  met = reportMemory(rows) && met;
  for (const path of ['written.onnx', 'written.data']) rmSync(join(folder, path), { force: true });
  if (!met) process.exitCode = 1;
}

await main();
