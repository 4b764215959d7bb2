import { InvalidArgumentError, type Command } from 'commander';
import { parseScheme, schemeForms, type LayerScheme } from '../core/quant/scheme';
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
  const scheme = parseScheme(text);
  if (!scheme) throw new InvalidArgumentError(`It must be ${schemeForms}.`);
  return scheme;
}

const schemeHelp = `Schemes:
  w8a8                int8 weights, 8-bit activations: smaller and faster, needs data
  w8                  int8 weights only
  u1 … u8             weights as 2^N values, evenly spaced from the least to the greatest
  lut2 … lut256       weights as the K values that k-means finds
  pow2-2 … pow2-5     weights as zero and powers of two (3, 5, 9, 17 values); pow2-15: 15 values
  float               left as it is
All but w8a8 need no data and give a smaller file, no speed-up. Indices of up to 16 values take
4 bits each, for which the model is raised to opset 21; 8 bits where that is not possible.`;

export function addQuantizeOptions(command: Command): Command {
  command
    .description(
      'Write a quantized model, then run it against the float one on samples not used for calibration.',
    )
    .argument('<file>', 'float ONNX model; never modified')
    .option('-o, --output <file>', 'the file to write (default: <name>.<scheme>.onnx beside the model)')
    .option('--scheme <scheme>', 'of layers that nothing else names (default: w8a8); see below', layerScheme)
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
    `\n${schemeHelp}\n\nGlobs match layer names and their paths in the layer tree; * also matches slashes.`,
  );
}
