/** ONNX Runtime's Python tool, run on the same arrays. It is a peer only: nothing else needs Python. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { arraysFolder, type BenchModel } from './benchModels';
import { root, sharedModel } from './paths';

/** What bench/peers/ort_tool.py prints per calibration method; `float` has the float model's own figures. */
export type ToolFigures = Readonly<
  Record<string, { sqnrDb?: Record<string, number | null>; seconds?: number }>
>;

export const TOOL_METHODS = ['minmax', 'percentile:99.99', 'percentile:99.999'] as const;

/** The interpreter in the variable PYTHON, or python3, when it has the packages; else undefined. */
export function findPython(): string | undefined {
  const python = process.env['PYTHON'] ?? 'python3';
  return hasPackages(python, ['onnxruntime', 'onnx', 'numpy', 'PIL']) ? python : undefined;
}

export function hasPackages(python: string, names: readonly string[]): boolean {
  return spawnSync(python, ['-c', `import ${names.join(', ')}`], { stdio: 'ignore' }).status === 0;
}

/** Makes the arrays of all models, once. @throws Error when the script fails. */
export function makeArrays(python: string): void {
  const models = sharedModel('.');
  if (models === undefined || existsSync(join(arraysFolder, 'done'))) return;
  runPeer(python, ['inputs.py', models, arraysFolder]);
  writeFileSync(join(arraysFolder, 'done'), '');
}

/** Where the tool's file by one method is kept. */
export function toolFile(model: BenchModel, method: string): string {
  return join(model.folder, `${method.replace(':', '-')}.onnx`);
}

/** The tool's figures for a model; kept, since the tool does not change. @throws Error when the tool fails. */
export function toolFigures(python: string, model: BenchModel): ToolFigures {
  const kept = join(model.folder, 'tool.json');
  if (!existsSync(kept)) {
    mkdirSync(dirname(kept), { recursive: true });
    const args = [model.file ?? '', model.calibration, model.evaluation];
    writeFileSync(kept, runPeer(python, ['ort_tool.py', ...args, '--keep', model.folder]));
  }
  return JSON.parse(readFileSync(kept, 'utf8')) as ToolFigures;
}

/** Runs a program of bench/peers. @throws Error with the end of what it said, when it fails. */
export function runPeer(python: string, [script = '', ...args]: readonly string[]): string {
  const child = spawnSync(python, [join(root, 'bench', 'peers', script), ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) throw new Error(`${script} failed:\n${child.stderr.slice(-2000)}`);
  return child.stdout;
}
