import type { Command } from 'commander';
import { addDimension, collect } from './optionValues';

export interface InspectOptions {
  dim?: Record<string, number>;
  json?: boolean;
  layer?: readonly string[];
  scheme?: string;
  npy?: string;
}

export function addInspectOptions(command: Command): Command {
  return addDimension(
    command
      .description('Show layers, weights, costs, inputs, outputs and problems of a model. Nothing is run.')
      .argument('<file>', 'ONNX model'),
  )
    .option('--layer <glob>', 'statistics of the weights of these layers instead; repeatable', collect)
    .option('--scheme <format>', 'also what this format makes of them, SCHEME[,OPTION...] as for quantize')
    .option('--npy <file>', 'also write the weight of the one layer as a NumPy array')
    .option('--json', 'print the result as JSON');
}
