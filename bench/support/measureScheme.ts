/** One model by one scheme: written by `roundoff quantize`, or by ONNX Runtime's own tool, then compared with the float model. */
import { mkdirSync, rmSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompareResult, PredictResult, QuantizeResult } from '../../src/core/results';
import { outputFolder, root } from './paths';
import { runVerb, type VerbResult } from './roundoffProcess';
import type { Cell, CellFacts, CellKey, Comparison, Outcome, Written } from './schemeCells';
import type { SchemeModel } from './schemeModels';
import { writeToolFile } from './toolSchemes';

export interface Measuring {
  /** The built command line. */
  readonly cli: string;
  /** For the tool; absent: only ours can be measured. */
  readonly python: string | undefined;
}

export async function measureScheme(
  key: CellKey,
  model: SchemeModel,
  facts: CellFacts,
  measuring: Measuring,
): Promise<Cell> {
  const folder = join(outputFolder, 'schemes', model.name);
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${key.by}.${key.scheme.replaceAll(/[^\w-]/g, '_')}.onnx`);
  removeModel(output);
  try {
    return { ...key, ...facts, ...(await measure(key, model, output, measuring)) };
  } finally {
    removeModel(output);
  }
}

async function measure(
  key: CellKey,
  model: SchemeModel,
  output: string,
  measuring: Measuring,
): Promise<Outcome> {
  const start = performance.now();
  const written =
    key.by === 'ours'
      ? await writeOurs(key.scheme, model, output, measuring.cli)
      : await writeToolFile(key.scheme, model, output, measuring.python);
  if (written.status !== 'done') return written;
  const seconds = (performance.now() - start) / 1000;
  const args = compareArgs(model, output);
  const compared = await runVerb(measuring.cli, args);
  // Whatever the reason is: a file that was written must run.
  if (!compared.ok) {
    return { status: 'failed', reason: compared.reason, command: commandText(measuring.cli, args) };
  }
  return { ...written, comparison: comparisonOf(compared.json as CompareResult), seconds };
}

async function writeOurs(scheme: string, model: SchemeModel, output: string, cli: string): Promise<Written> {
  const { calibration, samples } = model.data();
  const base = ['quantize', model.file ?? '', '--scheme', scheme, ...dimensionArgs(model)];
  const args = [...base, '--data', calibration, '--samples', String(samples), '-o', output];
  const result = await runVerb(cli, args);
  if (!result.ok) {
    const isRefusal = result.refused && !existsSync(output);
    return {
      status: isRefusal ? 'refused' : 'failed',
      reason: result.reason,
      command: commandText(cli, args),
    };
  }
  const { layers, totals, notes } = result.json as QuantizeResult;
  return {
    status: 'done',
    layers: { quantized: totals.quantized, total: layers.length },
    predictedBytes: predictedBytes(await runVerb(cli, [...base, '--dry-run'])),
    layerBytes: totals.bytesAfter,
    notes,
  };
}

function predictedBytes(result: VerbResult): number | null {
  return result.ok ? (result.json as PredictResult).bytes : null;
}

function compareArgs(model: SchemeModel, output: string): string[] {
  const { calibration, samples, evaluation } = model.data();
  const data =
    evaluation === undefined ? ['--data', calibration, '--samples', String(samples)] : ['--data', evaluation];
  return ['compare', model.file ?? '', output, ...data, ...dimensionArgs(model)];
}

function dimensionArgs({ dimensions }: SchemeModel): string[] {
  return Object.entries(dimensions).flatMap(([name, size]) => ['--dim', `${name}=${size}`]);
}

function comparisonOf(result: CompareResult): Comparison {
  const { outputs, latencyMs, peakMemoryBytes, samples, slice, bytes } = result;
  return { outputs, latencyMs, peakMemoryBytes, samples, slice, bytes };
}

/** As it can be typed in the repository. */
function commandText(cli: string, args: readonly string[]): string {
  const words = [cli, ...args].map((word) => {
    const short = word.replaceAll(root, '').replaceAll(join(dirname(root), '/'), '../');
    return /^[\w@=:,./-]+$/.test(short) ? short : `'${short}'`;
  });
  return `node ${words.join(' ')}`;
}

function removeModel(path: string): void {
  for (const file of [path, path.replace(/\.onnx$/, '.data'), `${path}.data`]) rmSync(file, { force: true });
}
