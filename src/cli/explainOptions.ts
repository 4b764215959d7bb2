import type { Command } from 'commander';
import type { ScanMetric } from '../core/results';
import { addCacheOptions, type CacheOptions } from './cacheOptions';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';
import { metric } from './scanOptions';

export interface ExplainOptions extends DataOptions, ActivationOptions, CacheOptions {
  layer: readonly string[];
  scheme?: string;
  metric?: ScanMetric;
  plan?: string;
}

export function addExplainOptions(command: Command): Command {
  command
    .description(
      'Explain why a layer hurts in a format (clipping, rounding, spread of channels, activations, interaction, propagation), and ' +
        'which formats would do better for how many bytes.',
    )
    .argument('<file>', 'float ONNX model')
    .requiredOption('--layer <glob>', 'the layer, or several; required, repeatable', collect)
    .option(
      '--scheme <format>',
      'the format to explain, SCHEME[,OPTION...] as for quantize (default: that of the plan, or w8a8)',
    )
    .option(
      '--metric <metric>',
      'what a sensitivity is: kl, nmse, sqnr or accuracy (default: kl where an output has classes, else nmse)',
      metric,
    )
    .option(
      '--plan <file>',
      'take settings and calibration data from a plan file; without this none is read',
    );
  addCacheOptions(command);
  addActivationOptions(command);
  return addDataOptions(
    command,
    'samples to measure on, none of them used for calibration (default: 32)',
  ).addHelpText(
    'after',
    '\nWithout data the weight alone is explained. With data its activations are too, and the layer is scanned in this and the usual ' +
      'formats. --json prints an array with an element for each layer.',
  );
}
