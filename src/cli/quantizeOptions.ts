import { InvalidArgumentError, type Command } from 'commander';
import { parseFormat, type LayerFormat } from '../core/quant/layerFormat';
import { addCacheOptions, type CacheOptions } from './cacheOptions';
import { addPresetOptions, type PresetOptions } from './preset';
import { addRecoverOption, recoverHelp, type RecoverOption } from './recoverOption';
import {
  addActivationOptions,
  addDataOptions,
  collect,
  type ActivationOptions,
  type DataOptions,
} from './optionValues';

export interface QuantizeOptions
  extends DataOptions, ActivationOptions, PresetOptions, RecoverOption, CacheOptions {
  scheme?: LayerFormat;
  layer?: readonly string[];
  exclude?: readonly string[];
  plan?: string;
  writePlan?: string;
  output?: string;
  dryRun?: boolean;
}

export function layerFormat(text: string): LayerFormat {
  const format = parseFormat(text);
  if ('mistake' in format) throw new InvalidArgumentError(format.mistake);
  return format;
}

const schemeHelp = `Schemes:
  w8a8, w8a16         int8 weights, 8- or 16-bit activations; need data
  w8, w4              8- or 4-bit integer weights only
  u1 … u8             weights as 2^N values, evenly spaced from the least to the greatest
  lut2 … lut256       weights as the K values that k-means finds
  pow2-2 … pow2-5     weights as zero and powers of two (3, 5, 9, 17 values); pow2-15: 15 values
  fp16                half-precision weights
  float               left as it is
Only w8a8 can be faster; the others make the file smaller. 4 bits, blocks and 16-bit activations raise the
model to opset 21.

Options follow the scheme after commas, as in w4,block:32,mse:
  tensor, channel, kernel, block:N   part of the weight with a scale of its own; w8, w4: also kernel and
                                     block:16 to block:256
  group:N                            lutK: N output channels share a codebook
  signed, unsigned, symmetric, asymmetric, reduced (one bit of headroom)
  max, narrow, signed-extreme, mse, percentile:P, fixed:A, auto    range of the weight; narrow: as many
                                     codes below zero as above (-7 to 7); auto: below 8 bits the one
                                     with the least error at the layer's output, measured with --data
  gain, no-gain                      rescale channels so that quantizing keeps their gain
  bias:float|int32|uN|lutK           the bias
  forced                             w8a8, w8a16: also on operators without an integer kernel
  region                             fp16: compute in half precision too`;

export function addQuantizeOptions(command: Command): Command {
  command
    .description(
      'Write a quantized model, then run it against the float one on samples not used for calibration.',
    )
    .argument('<file>', 'float ONNX model; never modified')
    .option('-o, --output <file>', 'the file to write (default: <name>.<scheme>.onnx beside the model)')
    .option('--scheme <scheme>', 'of layers that nothing else names (default: w8a8); see below', layerFormat)
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
  command.option(
    '--dry-run',
    'tell the bytes of the file and of each layer, exactly; needs no data and writes nothing',
  );
  addPresetOptions(command);
  addRecoverOption(command);
  addCacheOptions(command);
  addActivationOptions(command);
  return addDataOptions(command, 'samples for calibration (default: half, at most 256)').addHelpText(
    'after',
    `\n${schemeHelp}\n\n${recoverHelp}\n\nGlobs match layer names and their paths in the layer tree; * also matches slashes.`,
  );
}
