/**
 * What recovering accuracy gives back: five models in formats that rounding to the nearest hurts, by every rounding rule and
 * with corrections, on data that nothing was fitted to.
 * `npm run bench -- recovery [MODEL…] [--scheme FORMAT…] [--recipe STEPS…]` measures what is not measured yet (--again: all that is
 * named) and writes bench/results/recovery.md from all that was; --cli FILE drives another build than dist/cli.mjs. Models beside the
 * repository are needed for all but MNIST.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CompareResult, QuantizeResult } from '../src/core/results';
import { keepRows, keptRows, markdownTable, writePage } from './support/keptRows';
import { measureProcess } from './support/measureProcess';
import { outputFolder, root, sharedModel } from './support/paths';
import { runVerb } from './support/roundoffProcess';
import { type Comparison, lowestSqnr, scoreOf } from './support/schemeCells';
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

interface Row {
  readonly scheme: string;
  readonly recipe: string;
  /** Absent when the file could not be made. */
  readonly comparison?: Comparison;
  readonly reason?: string;
  /** On held-out calibration samples: the recipe's own account. */
  readonly recovered?: Pick<NonNullable<QuantizeResult['recovered']>, 'beforeDb' | 'afterDb' | 'samples'>;
  /** Steps of layers that were left out, as the output got no better with them. */
  readonly rejected: number;
  readonly seconds: number;
  /** Of the command line and its engine together. */
  readonly peakBytes: number;
}

/** As many calibration samples as there are, up to 256. */
function dataOf(model: string): ModelData {
  const images = model.startsWith('cifar10') ? sharedModel('cifar10/calibration') : undefined;
  const data = schemeModel(model).data();
  return images === undefined ? data : { ...data, calibration: images, samples: 256 };
}

async function measure(model: string, scheme: string, recipe: string, cli: string): Promise<Row> {
  const { calibration, samples, evaluation } = dataOf(model);
  const file = schemeModel(model).file ?? '';
  const folder = join(outputFolder, 'recovery');
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${model}.onnx`);
  const args = ['quantize', file, '--scheme', scheme, '--recover', recipe, '--no-cache', '--json'];
  const data = ['--data', calibration, '--samples', String(samples), '-o', output];
  const made = await measureProcess(process.execPath, [cli, ...args, ...data]);
  const figures = { scheme, recipe, seconds: made.seconds, peakBytes: made.peakBytes };
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

function tableOf(rows: readonly Row[]): string[] {
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
  ];
  const sorted = [...rows].sort(
    (a, b) => schemes.indexOf(a.scheme) - schemes.indexOf(b.scheme) || orderOf(a.recipe) - orderOf(b.recipe),
  );
  return markdownTable(
    header,
    sorted.map((row) => {
      const { scheme, recipe, comparison, reason = 'failed' } = row;
      if (!comparison) return [scheme, recipe, reason, '', '', '', '', '', '', ''];
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
    'better with them on held-out calibration samples. Times and memory are of the whole command, on a machine that others used as well.',
  ];
  for (const [model, rows] of keptRows('recovery', models)) {
    lines.push('', `## ${model}`, '', `${schemeModel(model).dataWords}.`, '', ...tableOf(rows as Row[]));
  }
  writePage('recovery', lines);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      scheme: { type: 'string', multiple: true },
      recipe: { type: 'string', multiple: true },
      again: { type: 'boolean', default: false },
      cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  for (const model of positionals.length > 0 ? positionals : models) {
    if (schemeModel(model).file === undefined) {
      console.log(`${model} is not on this machine.`);
      continue;
    }
    const own = [...recipes, ...(model.includes('mobilenet') ? depthwiseRecipes : [])];
    for (const scheme of values.scheme ?? schemes) {
      for (const recipe of values.recipe ?? own) {
        const rows = (keptRows('recovery', [model])[0]?.[1] ?? []) as Row[];
        const isSame = (row: Row) => row.scheme === scheme && row.recipe === recipe;
        if (!values.again && rows.some(isSame)) continue;
        const row = await measure(model, scheme, recipe, values.cli);
        keepRows('recovery', model, [...rows.filter((each) => !isSame(each)), row]);
        writeResults();
        console.log(`${model} ${tableOf([row])[2] ?? ''}`);
      }
    }
  }
}

await main();
