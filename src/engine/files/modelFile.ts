import { resolve } from 'node:path';
import { readModel } from '../../core/onnx/read';
import type { Model } from '../../core/onnx/types';
import type { CancelSignal } from '../../core/ports';
import { ExternalFiles } from './externalFiles';
import { openFileSource } from './fileSource';

/** A model that reads its payloads from an open file. */
export interface OpenedModel {
  readonly model: Model;
  readonly path: string;
  /** Size of the model file, without external data. */
  readonly bytes: number;
  /** Closes the file and its external data; payloads cannot be read any more. */
  close(): Promise<void>;
}

/**
 * Opens a model file and reads its graph. Payloads and external data are read when asked for.
 * @throws OnnxFileError, RoundoffError (the file cannot be opened), CancelledError
 */
export async function openModelFile(
  path: string,
  { signal }: { readonly signal?: CancelSignal } = {},
): Promise<OpenedModel> {
  const full = resolve(path);
  const source = await openFileSource(full);
  const external = new ExternalFiles(full);
  const close = async () => {
    await external.close();
    await source.close();
  };
  try {
    const model = await readModel(source, { resolveExternal: external.resolve, signal });
    return { model, path: full, bytes: source.size, close };
  } catch (error) {
    await close();
    throw error;
  }
}
