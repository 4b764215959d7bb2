/** What recovering accuracy must reach, judged by measured rows; and the rows themselves. */
import type { QuantizeResult } from '../../src/core/results';
import { type Comparison, scoreOf } from './schemeCells';
import type { Verdict } from './schemeTargets';

export interface RecoveryRow {
  readonly scheme: string;
  /** `none` rounds to the nearest. */
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
  /** Processes that wanted to run, over the last minute before it. */
  readonly load?: number;
}

type Rows = ReadonlyMap<string, readonly RecoveryRow[]>;

interface Target {
  readonly model: string;
  readonly scheme: string;
  /** Of those that were measured, the one that is best on held-out calibration samples is judged. */
  readonly recipes: readonly string[];
  readonly words: string;
  readonly judge: (row: RecoveryRow, nearest: RecoveryRow | undefined) => Pick<Verdict, 'figures' | 'met'>;
}

const gptq = ['gptq', 'gptq,refit,bias'];
const inq = ['inq', 'inq,refit,bias'];

const targets: readonly Target[] = [
  mostLost('cifar10_resnet18', 'w4', gptq, 1),
  mostLost('cifar10_resnet18', 'pow2-15', inq, 1.5),
  mostLost('cifar10_resnet18', 'lut16', gptq, 0.7),
  leastScore('squeezenet', 'pow2-5', inq, 50),
  mostLost('unet', 'pow2-5', inq, 0.5),
  mostBytes('unet', 'pow2-5', inq, 27),
  mostLost('unet', 'pow2-15', inq, 0.5),
  mostBytes('unet', 'pow2-15', inq, 15),
  leastWonBack('cifar10_mobilenetv2', 'w4', [...gptq, 'equalize,gptq,refit,bias'], 80),
  mostCost('cifar10_resnet18', 'w4', ['gptq,refit,bias'], 300, 2e9),
];

/** The rows without which a target cannot be judged: model, scheme, recipe. */
export const targetRows: readonly (readonly [model: string, scheme: string, recipe: string])[] = [
  ...new Map(
    targets
      .flatMap(({ model, scheme, recipes }) =>
        ['none', ...recipes].map((each) => [model, scheme, each] as const),
      )
      .map((row) => [row.join(' '), row]),
  ).values(),
];

/** @param rows by model. */
export function judgeRecovery(rows: Rows): Verdict[] {
  return targets.map(({ model, scheme, recipes, words, judge }) => {
    const own = (rows.get(model) ?? []).filter((row) => row.scheme === scheme);
    const nearest = own.find(({ recipe }) => recipe === 'none');
    const [best] = own
      .filter(({ recipe, comparison }) => comparison && recipes.includes(recipe))
      .sort((a, b) => (b.recovered?.afterDb ?? -Infinity) - (a.recovered?.afterDb ?? -Infinity));
    if (!best) return { target: `${model} ${scheme}: ${words}`, figures: 'not measured', met: undefined };
    return { target: `${model} ${scheme} by ${best.recipe}: ${words}`, ...judge(best, nearest) };
  });
}

function mostLost(model: string, scheme: string, recipes: readonly string[], points: number): Target {
  return scored(model, scheme, recipes, `at most ${points} points lost`, ({ float, quantized }) => ({
    figures: `${(float - quantized).toFixed(2)} (${quantized.toFixed(2)} against ${float.toFixed(2)} %)`,
    met: float - quantized <= points,
  }));
}

function leastScore(model: string, scheme: string, recipes: readonly string[], percent: number): Target {
  return scored(model, scheme, recipes, `above ${percent} %`, ({ quantized }) => ({
    figures: `${quantized.toFixed(2)} %`,
    met: quantized > percent,
  }));
}

function leastWonBack(model: string, scheme: string, recipes: readonly string[], percent: number): Target {
  const words = `at least ${percent} % of what the nearest codes lost`;
  return scored(model, scheme, recipes, words, ({ float, quantized }, nearest) => {
    if (nearest === undefined) return { figures: 'nearest not measured', met: undefined };
    const part = (100 * (quantized - nearest)) / (float - nearest);
    return {
      figures: `${part.toFixed(0)} % (${nearest.toFixed(2)} → ${quantized.toFixed(2)} %)`,
      met: part >= percent,
    };
  });
}

function scored(
  model: string,
  scheme: string,
  recipes: readonly string[],
  words: string,
  judge: (
    score: { readonly float: number; readonly quantized: number },
    nearest: number | undefined,
  ) => Pick<Verdict, 'figures' | 'met'>,
): Target {
  const scoreOfRow = (row: RecoveryRow | undefined) => {
    const score = row?.comparison && scoreOf(row.comparison);
    return score?.kind === 'agreement' ? undefined : score;
  };
  return {
    model,
    scheme,
    recipes,
    words,
    judge: (row, nearest) => {
      const score = scoreOfRow(row);
      return score ? judge(score, scoreOfRow(nearest)?.quantized) : { figures: 'no score', met: undefined };
    },
  };
}

function mostBytes(model: string, scheme: string, recipes: readonly string[], percent: number): Target {
  const judge = ({ comparison }: RecoveryRow) => {
    const part = comparison ? (100 * comparison.bytes.b) / comparison.bytes.a : NaN;
    return { figures: `${part.toFixed(1)} %`, met: part <= percent };
  };
  return { model, scheme, recipes, words: `at most ${percent} % of the bytes`, judge };
}

function mostCost(
  model: string,
  scheme: string,
  recipes: readonly string[],
  seconds: number,
  bytes: number,
): Target {
  const judge = (row: RecoveryRow) => ({
    figures: `${row.seconds.toFixed(0)} s, ${(row.peakBytes / 1e9).toFixed(2)} GB at a load of ${row.load?.toFixed(0) ?? '?'}`,
    met: row.seconds <= seconds && row.peakBytes <= bytes,
  });
  return { model, scheme, recipes, words: `at most ${seconds} s and ${bytes / 1e9} GB`, judge };
}
