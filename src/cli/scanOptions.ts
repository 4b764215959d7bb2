import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseScheme } from '../core/quant/scheme';
import type { ScanMetric, ScanPart } from '../core/results';
import { DEFAULT_SCAN_FORMATS } from '../core/scan/formats';
import { addCacheOptions, type CacheOptions } from './cacheOptions';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';
import { addLoneRecoverOption, loneRecoverHelp, type RecoverOption } from './recoverOption';

export interface ScanOptions extends DataOptions, ActivationOptions, RecoverOption, CacheOptions {
  layer?: readonly string[];
  layers?: readonly string[];
  scheme?: readonly string[];
  schemes?: readonly string[];
  part?: ScanPart | 'both';
  metric?: ScanMetric;
  direction?: 'only' | 'allBut';
  plan?: string;
  csv?: boolean;
}

const metrics: readonly string[] = ['kl', 'nmse', 'sqnr', 'accuracy'] satisfies ScanMetric[];

export function metric(text: string): ScanMetric {
  if (!metrics.includes(text)) throw new InvalidArgumentError(`It must be one of ${metrics.join(', ')}.`);
  return text as ScanMetric;
}

function direction(text: string): 'only' | 'allBut' {
  if (text === 'only') return 'only';
  if (text === 'all-but') return 'allBut';
  throw new InvalidArgumentError('It must be only or all-but.');
}

function part(text: string): ScanPart | 'both' {
  if (text === 'weights' || text === 'activations' || text === 'both') return text;
  throw new InvalidArgumentError('It must be weights, activations or both.');
}

/**
 * Formats with commas between them and in them, `w8a8,w4,block:32`: each scheme begins another one. Collected.
 * @throws InvalidArgumentError when the first word is no scheme.
 */
export function formatList(text: string, before: readonly string[] = []): readonly string[] {
  const formats: string[] = [];
  for (const word of text.split(/[,\s]+/).filter((each) => each !== '')) {
    if (parseScheme(word)) formats.push(word);
    else if (formats.length > 0) formats.push(`${formats.pop() ?? ''},${word}`);
    else throw new InvalidArgumentError(`It must begin with a scheme, not "${word}".`);
  }
  return [...before, ...formats];
}

export function addScanOptions(command: Command): Command {
  command
    .description(
      "Measure each layer's sensitivity: how much the model's output changes when only it is quantized, in each of several formats.",
    )
    .argument('<file>', 'float ONNX model')
    .option('--layer <glob>', 'only these layers; repeatable', collect)
    .addOption(new Option('--layers <glob>', 'the same as --layer').argParser(collect).hideHelp())
    .option(
      '--scheme <format>',
      `a format to try, SCHEME[,OPTION...] as for quantize; repeatable (default: ${DEFAULT_SCAN_FORMATS.join(' ')})`,
      collect,
    )
    .option('--schemes <list>', 'several formats in one list: w8a8,w4,block:32,lut16', formatList)
    .option(
      '--part <part>',
      'weights, activations or both: what of w8a8 and w8a16 is measured; other formats have weights alone (default: both)',
      part,
    )
    .option(
      '--metric <metric>',
      'what a sensitivity is: kl, nmse, sqnr or accuracy (default: kl where an output has classes, else nmse)',
      metric,
    )
    .option(
      '--direction <direction>',
      'only: each layer alone; all-but: also what the model gains when all layers have the format but one (default: only)',
      direction,
    )
    .option('--csv', 'print one line per layer and format as CSV')
    .option(
      '--plan <file>',
      'take settings and calibration data from a plan file; without this none is read',
    );
  addLoneRecoverOption(command);
  addCacheOptions(command);
  addActivationOptions(command);
  return addDataOptions(
    command,
    'samples to measure on, none of them used for calibration (default: 32)',
  ).addHelpText('after', `\n${loneRecoverHelp}`);
}
