/**
 * Time and memory to open large models to their layer tree, beside the same graph with 2 MB of weights.
 *
 * The weights are holes in sparse files: opening never reads them, so their content does not matter, and the file
 * cache is warm for all models alike. Each run is a process of its own, bundled like the product; time counts from
 * the end of the process's start, memory is the process's peak.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { writeModel } from '../src/core/onnx/write';
import { SparseFile, bigModel } from './support/bigModel';
import { outputFolder } from './support/paths';
import { formatTable, median } from './support/table';

const RUNS = 7;
const BLOCKS = 48;
const LIMITS = { milliseconds: 300, residentMB: 150, ratio: 1.5 };

interface Run {
  readonly graphMs: number;
  readonly treeMs: number;
  /** Processor time, which a busy machine does not stretch. */
  readonly cpuMs: number;
  readonly layers: number;
  readonly residentBytes: number;
}

const output = join(outputFolder, 'open');

async function makeFile(name: string, width: number): Promise<string> {
  const path = join(output, `${name}.onnx`);
  const model = await SparseFile.create(path);
  const data = await SparseFile.create(join(output, `${name}.data`));
  await writeModel(bigModel(BLOCKS, width), model, { external: { sink: data, location: `${name}.data` } });
  await model.close();
  await data.close();
  return path;
}

function size(name: string): number {
  return ['onnx', 'data'].reduce((sum, end) => sum + statSync(join(output, `${name}.${end}`)).size, 0);
}

async function main(): Promise<void> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const program = join(output, 'openOnce.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'support', 'openOnce.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  // Square weights, four to a block: 2 MB, 1.9 GB in the model file, 6 GB in a data file.
  const models = [
    { name: 'twin', width: 51 },
    { name: 'embedded', width: 1572 },
    { name: 'external', width: 2795 },
  ];
  const paths = new Map<string, string>();
  for (const { name, width } of models) paths.set(name, await makeFile(name, width));

  const runs = new Map<string, Run[]>(models.map(({ name }) => [name, []]));
  for (let run = 0; run < RUNS; run++) {
    for (const [name, path] of paths) {
      const printed = execFileSync(process.execPath, [program, path], { encoding: 'utf8' });
      runs.get(name)?.push(JSON.parse(printed) as Run);
    }
  }

  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}; median of ${RUNS} runs (largest for memory)`,
  );
  const rows = models.map(({ name }) => {
    const results = runs.get(name) ?? [];
    return {
      name,
      bytes: size(name),
      layers: results[0]?.layers ?? 0,
      graphMs: median(results.map(({ graphMs }) => graphMs)),
      treeMs: median(results.map(({ treeMs }) => treeMs)),
      cpuMs: median(results.map(({ cpuMs }) => cpuMs)),
      residentMB: Math.max(...results.map(({ residentBytes }) => residentBytes)) / 1e6,
    };
  });
  const twin = rows[0]?.treeMs ?? NaN;
  let met = true;
  const table: (string | number)[][] = [
    ['model', 'bytes', 'layers', 'graph ms', 'layer tree ms', 'of the twin', 'CPU ms', 'resident MB'],
  ];
  for (const { name, bytes, layers, graphMs, treeMs, cpuMs, residentMB } of rows) {
    const ratio = treeMs / twin;
    met &&= treeMs <= LIMITS.milliseconds && residentMB <= LIMITS.residentMB && ratio <= LIMITS.ratio;
    const figures = [graphMs, treeMs].map((value) => value.toFixed(0));
    table.push([name, bytes, layers, ...figures, ratio.toFixed(2), cpuMs.toFixed(0), residentMB.toFixed(0)]);
  }
  console.log(formatTable(table));
  const { milliseconds, residentMB, ratio } = LIMITS;
  console.log(
    `${met ? 'Within' : 'NOT within'} ${milliseconds} ms, ${residentMB} MB and ${ratio} × the twin.`,
  );
  rmSync(output, { recursive: true, force: true });
  if (!met) process.exitCode = 1;
}

await main();
