import { InvalidArgumentError, type Command } from 'commander';
import { layerSchemes, type LayerScheme } from '../core/quant/scheme';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';

export interface QuantizeOptions extends DataOptions, ActivationOptions {
  scheme?: LayerScheme;
  layer?: readonly string[];
  exclude?: readonly string[];
  plan?: string;
  writePlan?: string;
  output?: string;
}

export function layerScheme(text: string): LayerScheme {
  const scheme = layerSchemes.find((known) => known === text);
  if (!scheme) throw new InvalidArgumentError(`It must be one of ${layerSchemes.join(', ')}.`);
  return scheme;
}

export function addQuantizeOptions(command: Command): Command {
  command
    .description(
      'Write a quantized model, then run it against the float one on samples not used for calibration.',
    )
    .argument('<file>', 'float ONNX model; never modified')
    .option('-o, --output <file>', 'the file to write (default: <name>.<scheme>.onnx beside the model)')
    .option(
      '--scheme <scheme>',
      'of layers that nothing else names: w8a8, w8 (weights only: no data needed, no speed-up) or float (default: w8a8)',
      layerScheme,
    )
    .option('--layer <glob=scheme>', 'scheme of the layers that the glob matches; repeatable', collect)
    .option('--exclude <glob>', 'keep these layers and nodes float; repeatable', collect)
    .option(
      '--plan <file>',
      'start from a plan file; without this none is read, not even <name>.quant.json beside the model',
    )
    .option(
      '--write-plan <file>',
      'write the plan that was used, with data and weight hashes; may be the file of --plan',
    );
  addActivationOptions(command);
  return addDataOptions(command, 'samples for calibration (default: half, at most 256)').addHelpText(
    'after',
    '\nGlobs match layer names and their paths in the layer tree; * also matches slashes.',
  );
}
