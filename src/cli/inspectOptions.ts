import type { Command } from 'commander';
import { addDimension } from './optionValues';

export interface InspectOptions {
  dim?: Record<string, number>;
  json?: boolean;
}

export function addInspectOptions(command: Command): Command {
  return addDimension(
    command
      .description('Show layers, weights, costs, inputs, outputs and problems of a model. Nothing is run.')
      .argument('<file>', 'ONNX model'),
  ).option('--json', 'print the result as JSON');
}
