import type { Command } from 'commander';
import { addDataOptions, decimal, positiveInteger, wholeNumber, type DataOptions } from './optionValues';

export interface CompareOptions extends DataOptions {
  sample?: number;
  top?: number;
  minSqnr?: number;
  layers?: boolean;
  csv?: boolean;
}

export function addCompareOptions(command: Command): Command {
  command
    .description('Compare two models on the same samples: output error, classes, latency, memory, bytes.')
    .argument('<a>', 'reference, usually the float model')
    .argument('<b>', 'the model compared with it')
    .option('--sample <k>', 'also show this sample: its inputs, label and class scores', wholeNumber)
    .option('--top <n>', 'how many classes of it (default: 5)', positiveInteger)
    .option(
      '--layers',
      'also the error of each layer: accumulated from the inputs, and of the layer alone, on at most 32 samples',
    )
    .option('--csv', 'print one line per layer as CSV; with --layers')
    .option('--min-sqnr <db>', 'exit with 3 when an output has a lower SQNR', decimal);
  return addDataOptions(
    command,
    'samples that calibration took; those of the verify slice are compared (default: all samples are)',
  );
}
