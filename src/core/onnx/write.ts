import { RoundoffError, throwIfCancelled } from '../errors';
import type { ByteSink, Work } from '../ports';
import { encodeMessage } from './encode';
import { embedExternal, moveToExternal } from './external';
import { MAX_MESSAGE_BYTES } from './limits';
import { modelInfo } from './messages';
import { JoiningSink, type Pieces, writePayload } from './pieces';
import type { Model } from './types';

export interface WriteOptions extends Work {
  /** Where payloads go when the model would pass 2 GiB: the data file, and its path relative to the model file. */
  readonly external?: { readonly sink: ByteSink; readonly location: string };
  /**
   * Leave tensors that are in external files there. Right only for a copy beside the same data files; without it
   * the written model is complete.
   */
  readonly keepExternal?: boolean;
  /** Largest model file, at most protobuf's 2 GiB. Tests lower it. */
  readonly maxFileBytes?: number;
}

export interface WriteResult {
  /** Size of the model file. */
  readonly bytes: number;
  /** Size of the data file; 0 when there is none. */
  readonly externalBytes: number;
}

/**
 * Writes a model. Parts read from a file and not changed since are copied byte for byte; payloads are streamed, so
 * memory does not grow with the model. The data file, if any, is written before the model.
 * @throws RoundoffError when the model passes 2 GiB and there is no place for external data
 * @throws CancelledError, and whatever the sinks throw
 */
export async function writeModel(
  model: Model,
  sink: ByteSink,
  options: WriteOptions = {},
): Promise<WriteResult> {
  const whole = options.keepExternal ? model : embedExternal(model);
  const pieces = await encodeMessage(modelInfo, whole);
  const { maxFileBytes = MAX_MESSAGE_BYTES } = options;
  if (pieces.length <= maxFileBytes) {
    const bytes = await writePieces(pieces, sink, options, { done: 0, total: pieces.length });
    return { bytes, externalBytes: 0 };
  }
  if (!options.external) throw tooLarge(pieces.length);

  const moved = moveToExternal(model, options.external.location);
  const modelPieces = await encodeMessage(modelInfo, moved.model);
  if (modelPieces.length > maxFileBytes) throw tooLarge(modelPieces.length);
  const progress = { done: 0, total: moved.bytes + modelPieces.length };
  const data = new JoiningSink(options.external.sink, options, progress);
  for (const { payload, offset } of moved.placed) {
    throwIfCancelled(options.signal);
    await data.zeros(offset - data.written);
    await writePayload(payload, data);
  }
  await data.flush();
  const bytes = await writePieces(modelPieces, sink, options, progress);
  return { bytes, externalBytes: data.written };
}

/**
 * Size of the model as one file, external tensors included: what `writeModel` would write if there were no limit
 * of 2 GiB. Reads record headers of derived messages only.
 */
export async function modelSize(model: Model): Promise<number> {
  return (await encodeMessage(modelInfo, embedExternal(model))).length;
}

async function writePieces(
  pieces: Pieces,
  sink: ByteSink,
  work: Work,
  progress: { done: number; readonly total: number },
): Promise<number> {
  const output = new JoiningSink(sink, work, progress);
  throwIfCancelled(work.signal);
  await pieces.writeTo(output);
  await output.flush();
  return output.written;
}

function tooLarge(bytes: number): RoundoffError {
  return new RoundoffError(
    `The model would take ${bytes} bytes in one file, and ONNX files end at 2 GiB: write it with external data.`,
  );
}
