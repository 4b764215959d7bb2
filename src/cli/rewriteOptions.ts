import { Argument, type Command } from 'commander';
import { rewritePasses } from '../shared/rewritePasses';
import { addDimension } from './optionValues';

export interface RewriteOptions {
  output?: string;
  dim?: Record<string, number>;
  json?: boolean;
}

const passHelp = `Passes:
  fold-batch-norm      BatchNormalization, and Mul and Add with constants per channel, into the weights and bias of
                       the Conv, ConvTranspose, Gemm or MatMul beside them
  remove-quantization  back to float: weights of Q/DQ models, integer operators, MatMulNBits and codebooks become
                       float32 (float16 where their scales are), pairs on activations go
  float16              half precision inside, float32 inputs and outputs; operators without a half-precision form
                       stay float32 between Casts, weights beyond its range are set to its largest number
The opset stays. Nothing is run, and no file is written when there is nothing to change.`;

export function addRewriteOptions(command: Command): Command {
  return addDimension(
    command
      .description('Write a model after one rewrite that needs no data.')
      .addArgument(new Argument('<pass>', 'what to do; see below').choices(Object.keys(rewritePasses)))
      .argument('<file>', 'ONNX model; never modified')
      .option('-o, --output <file>', 'the file to write (default: <name>.<word>.onnx beside the model)'),
  )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\n${passHelp}`);
}
