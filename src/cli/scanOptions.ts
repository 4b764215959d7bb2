import type { Command } from 'commander';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';

export interface ScanOptions extends DataOptions, ActivationOptions {
  layer?: readonly string[];
  plan?: string;
}

export function addScanOptions(command: Command): Command {
  command
    .description(
      "Measure each layer's sensitivity: how much the model's output changes when only it is quantized.",
    )
    .argument('<file>', 'float ONNX model')
    .option('--layer <glob>', 'only these layers; repeatable', collect)
    .option(
      '--plan <file>',
      'take settings and calibration data from a plan file; without this none is read',
    );
  addActivationOptions(command);
  return addDataOptions(command, 'samples to measure on, none of them used for calibration (default: 32)');
}
