import type { Command } from 'commander';
import { addCacheOptions, type CacheOptions } from './cacheOptions';
import {
  addActivationOptions,
  addDataOptions,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';

export interface ReportOptions extends DataOptions, ActivationOptions, CacheOptions {
  plan?: string;
  output?: string;
  /** A file of `scan --json`; true: measure now. */
  scan?: string | true;
}

export function addReportOptions(command: Command): Command {
  command
    .description(
      'Quantize as planned, compare with float layer by layer, and write a report: Markdown with charts, CSV and JSON. No model is written.',
    )
    .argument('<file>', 'float ONNX model')
    .option('--plan <file>', 'the plan (default: everything w8a8)')
    .option(
      '-o, --output <folder>',
      'folder of the report (default: <plan>.report beside the plan, without one <model>.report beside the model)',
    )
    .option(
      '--scan [file]',
      'also the sensitivity of each layer: from a file that `scan --json` gave, else measured now',
    );
  addCacheOptions(command);
  addActivationOptions(command);
  return addDataOptions(command, 'samples for calibration (default: half of the data, up to 256)');
}
