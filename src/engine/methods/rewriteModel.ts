import { basename, resolve } from 'node:path';
import { InputError, throwIfCancelled } from '../../core/errors';
import type { Model } from '../../core/onnx/types';
import type { Work } from '../../core/ports';
import type { RewritePass, RewriteResult } from '../../core/results';
import type { Converted } from '../../core/rewrite/convert/converted';
import { foldNormalization } from '../../core/rewrite/convert/foldNormalization';
import { removeQuantization } from '../../core/rewrite/convert/removeQuantization';
import { toFloat16 } from '../../core/rewrite/convert/toFloat16';
import { hasFloat16 } from '../../core/rewrite/convert/widenFloat16';
import type { RewriteRequest } from '../../shared/rpc';
import { openModelFile, type OpenedModel } from '../files/modelFile';
import type { CallContext, EngineHandlers } from '../messages';
import { sizeOf } from './modelFiles';
import { type StagedOutput, withStagedOutput } from './stagedOutput';
import { workOf } from './work';

/**
 * Writes a model after one rewrite. Nothing is written when there is nothing to change, and nothing is run.
 * @throws InputError when there is nothing to change, or the rewrite does not know an operator
 */
export const rewriteModel: EngineHandlers['rewriteModel'] = async (request, call) => {
  const opened = await openModelFile(request.file, call);
  try {
    return await withStagedOutput(request.output, opened, (staged) =>
      rewriteTo(staged, opened, request, call),
    );
  } finally {
    await opened.close();
  }
};

async function rewriteTo(
  staged: StagedOutput,
  opened: OpenedModel,
  { pass, output, dimensions = {} }: RewriteRequest,
  call: CallContext,
): Promise<RewriteResult> {
  const start = performance.now();
  const work = workOf(call);
  const before = sizeOf(await opened.files());
  const { model, changed, notes } = await convert(opened.model, pass, dimensions, work);
  if (changed === 0) throw new InputError(`${basename(opened.path)} ${nothingToDo(opened.model, pass)}`);
  const { bytes: after } = await staged.write(model, work);
  // The written file must open as a model again.
  await (await openModelFile(staged.path)).close();
  throwIfCancelled(work.signal);
  await staged.commit();
  return {
    output: resolve(output),
    pass,
    bytes: { before, after },
    changed,
    notes: [...notes, ...(pass === 'float16' ? [runtimeRange] : [])],
    seconds: (performance.now() - start) / 1000,
  };
}

const runtimeRange =
  'Weights were checked for the range of half precision, values computed at run time were not: one beyond ±65,504 becomes infinite. Compare with the float model on real data.';

async function convert(
  model: Model,
  pass: RewritePass,
  dimensions: Readonly<Record<string, number>>,
  work: Work,
): Promise<Converted> {
  switch (pass) {
    case 'fold-batch-norm':
      return foldNormalization(model);
    case 'remove-quantization':
      return removeQuantization(model, dimensions);
    case 'float16':
      return toFloat16(model, { dimensions }, work);
  }
}

/** The end of a sentence that begins with the file's name. */
function nothingToDo(model: Model, pass: RewritePass): string {
  switch (pass) {
    case 'fold-batch-norm':
      return 'has nothing to fold: no BatchNormalization, or Mul or Add with constants per channel, stands alone beside a Conv, ConvTranspose, Gemm or MatMul with constant weights.';
    case 'remove-quantization':
      return 'has nothing quantized: it is float already.';
    case 'float16':
      return hasFloat16(model)
        ? 'is float16 already: it has no float32 nodes that could be converted.'
        : 'has no float32 nodes that can compute in half precision.';
  }
}
