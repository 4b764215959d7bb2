import { OnnxFileError, throwIfCancelled } from '../errors';
import type { ByteSource, CancelSignal, ExternalDataResolver } from '../ports';
import { ByteWindow } from './byteWindow';
import { GRAPH_LIMITS, type GraphLimits } from './limits';
import { modelInfo } from './messages';
import { Scanner } from './scan';
import { whatElse } from './sniff';
import type { Model } from './types';

export interface ReadOptions {
  /** Finds external data; called at the first read of a tensor that needs it. */
  readonly resolveExternal?: ExternalDataResolver;
  readonly signal?: CancelSignal;
  readonly limits?: GraphLimits;
}

/**
 * Reads the graph of a model. Payloads are not read: a tensor's `rawData` or `typedData` reads from `source` when
 * asked, so `source` must stay open as long as the model is used.
 * @throws OnnxFileError with byte offset and field path when the file is not a model or is damaged
 * @throws CancelledError
 */
export async function readModel(source: ByteSource, options: ReadOptions = {}): Promise<Model> {
  if (source.size === 0) {
    throw new OnnxFileError(`${source.name} is empty (0 bytes): export or download the model again.`, {
      file: source.name,
      offset: 0,
    });
  }
  try {
    return await scanModel(source, options);
  } catch (error) {
    if (!(error instanceof OnnxFileError)) throw error;
    const other = await whatElse(source);
    throw other ? new OnnxFileError(other, { ...error.details }) : error;
  }
}

async function scanModel(source: ByteSource, options: ReadOptions): Promise<Model> {
  const { resolveExternal, signal, limits = GRAPH_LIMITS } = options;
  const window = new ByteWindow(source);
  const scanner = new Scanner(modelInfo, { source, resolveExternal }, source.size, limits);
  for (;;) {
    throwIfCancelled(signal);
    const need = scanner.advance(window);
    if (!need) break;
    await window.load(need.offset, need.length);
  }
  // The scanner builds what the schema says, field for field the interfaces of types.ts.
  const model = scanner.result as Model;
  if (!model.graph) {
    throw new OnnxFileError(`${source.name} has no graph, so it is not an ONNX model that can be shown.`, {
      file: source.name,
      fieldPath: 'graph',
    });
  }
  return model;
}
