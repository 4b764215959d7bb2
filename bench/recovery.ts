/**
 * What recovering accuracy gives back: five models in formats that rounding to the nearest hurts, by every rounding rule and
 * with corrections, on data that nothing was fitted to.
 * `npm run bench -- recovery [MODEL…] [--scheme FORMAT…] [--recipe STEPS…]` measures what is not measured yet (--again: all that is
 * named) and writes bench/results/recovery.md from all that was; `--targets` measures only what the targets need, and tells which
 * are met (exit code 1 when one is not). --cli FILE drives another build than dist/cli.mjs. Models beside the repository are needed
 * for all but MNIST.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CompareResult, QuantizeResult } from '../src/core/results';
import { keepRows, keptRows, markdownTable, writePage } from './support/keptRows';
import { measureProcess } from './support/measureProcess';
import { outputFolder, root, sharedModel } from './support/paths';
import { runVerb } from './support/roundoffProcess';
import { judgeRecovery, type RecoveryRow, targetRows } from './support/recoveryTargets';
import { lowestSqnr, scoreOf } from './support/schemeCells';
import { schemeModel, type ModelData } from './support/schemeModels';

const models = ['mnist', 'cifar10_resnet18', 'cifar10_mobilenetv2', 'unet', 'squeezenet'];
const schemes = ['w4', 'u3', 'lut8', 'lut16', 'pow2-5', 'pow2-15'];
/** `none` rounds to the nearest. */
const recipes = [
  'none',
  'bias',
  'refit,bias',
  'gptq',
  'inq',
  'gptq,refit,bias',
  'inq,refit,bias',
  'gptq,descent,refit,bias',
];
/** Only where layers have few weights for each channel. */
const depthwiseRecipes = ['equalize,gptq,refit,bias'];

/** As many calibration samples as there are, up to 256. */
function dataOf(model: string): ModelData {
  const images = model.startsWith('cifar10') ? sharedModel('cifar10/calibration') : undefined;
  const data = schemeModel(model).data();
  return images === undefined ? data : { ...data, calibration: images, samples: 256 };
}

function dataWords(model: string): string {
  const { dataWords: words } = schemeModel(model);
  return model.startsWith('cifar10') ? words.replace('128 training', '256 training') : words;
}

async function measure(model: string, scheme: string, recipe: string, cli: string): Promise<RecoveryRow> {
  const { calibration, samples, evaluation } = dataOf(model);
  const file = schemeModel(model).file ?? '';
  const folder = join(outputFolder, 'recovery');
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${model}.onnx`);
  const args = ['quantize', file, '--scheme', scheme, '--recover', recipe, '--no-cache', '--json'];
  const data = ['--data', calibration, '--samples', String(samples), '-o', output];
  const [load] = loadavg();
  const made = await measureProcess(process.execPath, [cli, ...args, ...data]);
  const { seconds, peakBytes } = made;
  const figures = { scheme, recipe, seconds, peakBytes, ...(load !== undefined && { load }) };
  try {
    if (made.exitCode !== 0)
      return { ...figures, rejected: 0, reason: made.stderr.trim().split('\n').at(-1) };
    const { recovered } = JSON.parse(made.stdout) as QuantizeResult;
    const compared = await runVerb(cli, ['compare', file, output, '--data', evaluation ?? calibration]);
    if (!compared.ok) return { ...figures, rejected: 0, reason: compared.reason };
    const {
      outputs,
      latencyMs,
      peakMemoryBytes,
      samples: count,
      slice,
      bytes,
    } = compared.json as CompareResult;
    const tried = (recovered?.layers ?? []).flatMap((layer) => layer.tried);
    return {
      ...figures,
      comparison: { outputs, latencyMs, peakMemoryBytes, samples: count, slice, bytes },
      ...(recovered && {
        recovered: {
          beforeDb: recovered.beforeDb,
          afterDb: recovered.afterDb,
          samples: recovered.samples,
        },
      }),
      rejected: tried.filter(({ kept }) => !kept).length,
    };
  } finally {
    rmSync(output, { force: true });
  }
}

function tableOf(rows: readonly RecoveryRow[]): string[] {
  const header = [
    'format',
    'steps',
    'score',
    'against float',
    'against nearest',
    'output',
    'bytes',
    'rejected',
    'time',
    'memory',
    'load',
  ];
  const sorted = [...rows].sort(
    (a, b) => schemes.indexOf(a.scheme) - schemes.indexOf(b.scheme) || orderOf(a.recipe) - orderOf(b.recipe),
  );
  return markdownTable(
    header,
    sorted.map((row) => {
      const { scheme, recipe, comparison, reason = 'failed' } = row;
      if (!comparison) return [scheme, recipe, reason, ...Array<string>(header.length - 3).fill('')];
      const score = scoreOf(comparison);
      const nearest = rows.find((each) => each.scheme === scheme && each.recipe === 'none')?.comparison;
      const plain = nearest && scoreOf(nearest);
      const gained = score && plain ? score.quantized - plain.quantized : undefined;
      return [
        scheme,
        recipe === 'none' ? 'nearest' : recipe,
        score ? `${score.quantized.toFixed(2)} % ${score.kind}` : '',
        score && score.kind !== 'agreement' ? signed(score.quantized - score.float) : '',
        recipe === 'none' || gained === undefined ? '' : `${signed(gained)}${gained < 0 ? ' (worse)' : ''}`,
        `${lowestSqnr(comparison).toFixed(2)} dB`,
        `${((100 * comparison.bytes.b) / comparison.bytes.a).toFixed(1)} %`,
        String(row.rejected),
        `${row.seconds.toFixed(0)} s`,
        `${(row.peakBytes / 1e6).toFixed(0)} MB`,
        row.load?.toFixed(0) ?? '',
      ];
    }),
  );
}

function orderOf(recipe: string): number {
  const at = [...recipes, ...depthwiseRecipes].indexOf(recipe);
  return at < 0 ? Infinity : at;
}

function signed(points: number): string {
  return `${points < 0 ? '' : '+'}${points.toFixed(2)}`;
}

function writeResults(): void {
  const lines = [
    '# What recovering accuracy gives back',
    '',
    'Score and output SQNR are of the written file, run at full optimization on test data that nothing was fitted to; `nearest` takes the',
    'range and gain that calibration data chooses. `rejected` counts corrections of single layers that were left out, as the output got no',
    'better with them on held-out calibration samples. Times and memory are of the whole command, on a machine of two cores that others used',
    'as well: `load` is how many processes wanted to run before it.',
    '',
    '## Targets',
    '',
    'Where several recipes could reach a target the one is judged that is best on held-out calibration samples.',
    '',
    ...markdownTable(['target', 'measured', ''], verdictRows()),
  ];
  for (const [model, rows] of keptRows('recovery', models)) {
    lines.push('', `## ${model}`, '', `${dataWords(model)}.`, '', ...tableOf(rows as RecoveryRow[]));
  }
  writePage('recovery', lines);
}

function verdictRows(): [target: string, figures: string, word: string][] {
  const rows = new Map(keptRows('recovery', models) as [string, RecoveryRow[]][]);
  return judgeRecovery(rows).map(({ target, figures, met }) => [
    target,
    figures,
    met === undefined ? '' : met ? 'met' : 'missed',
  ]);
}

/** Models, schemes and recipes to measure, in order. */
function wantedRows(
  named: readonly string[],
  { scheme, recipe, targets }: { scheme?: string[]; recipe?: string[]; targets: boolean },
): (readonly [model: string, scheme: string, recipe: string])[] {
  const chosen = named.length > 0 ? named : models;
  const all = chosen.flatMap((model) => {
    const own = [...recipes, ...(model.includes('mobilenet') ? depthwiseRecipes : [])];
    return (scheme ?? schemes).flatMap((each) =>
      (recipe ?? own).map((steps) => [model, each, steps] as const),
    );
  });
  if (!targets) return all;
  return targetRows.filter(
    ([model, each, steps]) =>
      chosen.includes(model) && (scheme?.includes(each) ?? true) && (recipe?.includes(steps) ?? true),
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      scheme: { type: 'string', multiple: true },
      recipe: { type: 'string', multiple: true },
      again: { type: 'boolean', default: false },
      targets: { type: 'boolean', default: false },
      cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  for (const [model, scheme, recipe] of wantedRows(positionals, values)) {
    if (schemeModel(model).file === undefined) {
      console.log(`${model} is not on this machine.`);
      continue;
    }
    const rows = (keptRows('recovery', [model])[0]?.[1] ?? []) as RecoveryRow[];
    const isSame = (row: RecoveryRow) => row.scheme === scheme && row.recipe === recipe;
    if (!values.again && rows.some(isSame)) continue;
    const row = await measure(model, scheme, recipe, values.cli);
    keepRows('recovery', model, [...rows.filter((each) => !isSame(each)), row]);
    writeResults();
    console.log(`${model} ${tableOf([row])[2] ?? ''}`);
  }
  writeResults();
  if (!values.targets) return;
  for (const [target, figures, word] of verdictRows()) {
    console.log(`${(word || 'unknown').padEnd(8)} ${target}: ${figures}`);
    if (word === 'missed') process.exitCode = 1;
  }
}

await main();
