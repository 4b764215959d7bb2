import { InvalidArgumentError, type Command } from 'commander';
import type { SearchCost, SearchGoal } from '../core/searchResults';
import { DEFAULT_SCAN_FORMATS } from '../core/scan/formats';
import { addCacheOptions, type CacheOptions } from './cacheOptions';
import { UsageError } from './cliIo';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  decimal,
  positiveInteger,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';
import { addLoneRecoverOption, loneRecoverHelp, type RecoverOption } from './recoverOption';

export interface SearchOptions extends DataOptions, ActivationOptions, RecoverOption, CacheOptions {
  budget?: Extract<SearchGoal, { kind: 'budget' }>;
  maxKl?: number;
  minSqnr?: number;
  minAgreement?: number;
  maxAccuracyDrop?: number;
  cost?: FileCost;
  /** Measure times, whatever the goal. */
  latency?: boolean;
  layer?: readonly string[];
  scheme?: readonly string[];
  scanSamples?: number;
  plan?: string;
  writePlan?: string;
  write?: string;
}

const costs: Readonly<Record<string, SearchCost>> = {
  bytes: 'bytes',
  bops: 'bops',
  latency: 'latency',
  'float-layers': 'floatLayers',
};

type FileCost = Extract<SearchGoal, { kind: 'cap' }>['cost'];

/** `bytes=40%`, `bytes=500000`, `bops=10%`, `latency=2.5ms`, `latency=60%`, `float-layers=2`. */
export function budget(text: string): Extract<SearchGoal, { kind: 'budget' }> {
  const [, name = '', amount = '', unit] = /^([\w-]+)=([\d.]+(?:e\d+)?)(%|ms)?$/i.exec(text) ?? [];
  const cost = Object.hasOwn(costs, name) ? costs[name] : undefined;
  const most = Number(amount);
  const isUnit = unit === '%' || unit === (cost === 'latency' ? 'ms' : undefined);
  if (!cost || amount === '' || !Number.isFinite(most) || !isUnit) {
    throw new InvalidArgumentError(
      'It must be bytes=N, bops=N, latency=N with ms behind it, or float-layers=N, or a share such as bytes=40%.',
    );
  }
  return { kind: 'budget', cost, ...(unit === '%' ? { most: most / 100, ratio: true } : { most }) };
}

/** `0.01` or `1%`. */
export function share(text: string): number {
  const isPercent = text.endsWith('%');
  const value = decimal(isPercent ? text.slice(0, -1) : text) / (isPercent ? 100 : 1);
  if (!(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be from 0 to 1, or from 0% to 100%.');
  return value;
}

function fileCost(text: string): FileCost {
  if (text !== 'bytes' && text !== 'bops' && text !== 'latency')
    throw new InvalidArgumentError('It must be bytes, bops or latency.');
  return text;
}

/** The goal that the options state. @throws UsageError unless it is exactly one. */
export function searchGoal(options: SearchOptions): SearchGoal {
  const { maxKl, minSqnr, minAgreement, maxAccuracyDrop, cost } = options;
  const caps = [
    ['kl', maxKl],
    ['sqnr', minSqnr],
    ['agreement', minAgreement],
    ['accuracyDrop', maxAccuracyDrop],
  ] as const;
  const goals: SearchGoal[] = caps.flatMap(([error, limit]) =>
    limit === undefined ? [] : [{ kind: 'cap', error, limit, cost: cost ?? 'bytes' }],
  );
  if (options.budget) goals.push(options.budget);
  const [goal, second] = goals;
  if (!goal || second) {
    throw new UsageError(
      'Say what to search for with one of --budget, --max-kl, --min-sqnr, --min-agreement and --max-accuracy-drop.',
    );
  }
  if (cost && goal.kind === 'budget')
    throw new UsageError('--cost goes with a limit of the error, not with --budget.');
  return goal;
}

export function addSearchOptions(command: Command): Command {
  command
    .description(
      'Find the format of each layer: the least error within a budget, or the least cost within a limit of the error.',
    )
    .argument('<file>', 'float ONNX model')
    .option(
      '--budget <cost=amount>',
      'bytes=N, bops=N, latency=N (with ms behind it) or float-layers=N, or a share: bytes=40%',
      budget,
    )
    .option('--max-kl <nats>', 'least cost with at most this KL divergence from the float model', decimal)
    .option('--min-sqnr <db>', 'least cost with at least this SQNR', decimal)
    .option('--min-agreement <share>', "least cost with this share of the float model's top classes", share)
    .option(
      '--max-accuracy-drop <share>',
      'least cost that loses at most this much accuracy; needs labels',
      share,
    )
    .option('--cost <cost>', 'what is to be least: bytes, bops or latency (default: bytes)', fileCost)
    .option('--latency', 'measure the time of plans too; with latency as budget or cost that is always done')
    .option('--layer <glob>', 'only these layers, the others stay as they are; repeatable', collect)
    .option(
      '--scheme <format>',
      `a format to choose from, SCHEME[,OPTION...] as for quantize; repeatable (default: ${DEFAULT_SCAN_FORMATS.join(' ')})`,
      collect,
    )
    .option('--scan-samples <n>', 'samples that layers are measured on (default: 32)', positiveInteger)
    .option('--plan <file>', 'take settings and calibration data from a plan file; without this none is read')
    .option('--write-plan <file>', 'write the chosen plan, with data and weight hashes')
    .option('--write <file>', 'write the model as the chosen plan says');
  addLoneRecoverOption(command);
  addCacheOptions(command);
  addActivationOptions(command);
  return addDataOptions(command, 'samples for calibration (default: half, at most 256)').addHelpText(
    'after',
    '\nbops: MACs × bits of the weight × bits of the activations (float: 32 × 32). latency: of one run of one sample on ' +
      'this machine, foretold from profiles of the runtime and measured of verified plans; noisy by a tenth. Ends with 3 when the goal is not met; the best ' +
      `plan found is given all the same, also when you cancel (Ctrl+C), which ends with 130.\n\n${loneRecoverHelp}`,
  );
}
