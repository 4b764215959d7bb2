import { InvalidArgumentError, type Command } from 'commander';
import type { SchemeId } from '../core/quant/scheme';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';

export interface QuantizeOptions extends DataOptions, ActivationOptions {
  scheme?: SchemeId;
  layer?: readonly string[];
  exclude?: readonly string[];
  plan?: string;
  writePlan?: string;
  output?: string;
}

export function layerScheme(text: string): SchemeId {
  if (text !== 'w8a8' && text !== 'float') throw new InvalidArgumentError('It must be w8a8 or float.');
  return text;
}

export function addQuantizeOptions(command: Command): Command {
  command
    .description(
      'Write a quantized model, then run it against the float one on samples not used for calibration.',
    )
    .argument('<file>', 'float ONNX model; never modified')
    .option('-o, --output <file>', 'the file to write (default: <name>.w8a8.onnx beside the model)')
    .option(
      '--scheme <scheme>',
      'of layers that nothing else names: w8a8 or float (default: w8a8)',
      layerScheme,
    )
    .option('--layer <glob=scheme>', 'scheme of the layers that the glob matches; repeatable', collect)
    .option('--exclude <glob>', 'keep these layers and nodes float; repeatable', collect)
    .option('--plan <file>', 'start from a plan file, such as model.quant.json')
    .option('--write-plan <file>', 'write the plan that was used');
  addActivationOptions(command);
  return addDataOptions(command, 'samples for calibration (default: half, at most 256)').addHelpText(
    'after',
    '\nGlobs match layer names and their paths in the layer tree; * also matches slashes.',
  );
}
