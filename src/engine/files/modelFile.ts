import { dirname, join, resolve } from 'node:path';
import { mapTensors } from '../../core/onnx/external';
import { ExternalPayload } from '../../core/onnx/externalPayload';
import { readModel } from '../../core/onnx/read';
import type { Model } from '../../core/onnx/types';
import type { CancelSignal } from '../../core/ports';
import { ExternalFiles } from './externalFiles';
import { type FileSource, openFileSource } from './fileSource';

/** A model that reads its payloads from an open file. */
export interface OpenedModel {
  readonly model: Model;
  readonly path: string;
  /** Size of the model file, without external data. */
  readonly bytes: number;
  /**
   * The model file and its external data, for reading; `close` closes them.
   * @throws OnnxFileError when external data is outside the model's folder, RoundoffError when it cannot be opened
   */
  files(): Promise<readonly FileSource[]>;
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
    const files = async () => [source, ...(await Promise.all(locationsOf(model).map(external.resolve)))];
    return { model, path: full, bytes: source.size, files, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The external files that a model names, each once, as the model names them. */
export function locationsOf(model: Model): string[] {
  const locations = new Set<string>();
  mapTensors(model, (tensor) => {
    if (tensor.rawData instanceof ExternalPayload) locations.add(tensor.rawData.location);
    return tensor;
  });
  return [...locations];
}

/** Where the external files of the model at `path` are said to be. Not checked: for comparing, not for reading. */
export function externalPaths({ model, path }: Pick<OpenedModel, 'model' | 'path'>): string[] {
  return locationsOf(model).map((location) => join(dirname(path), location));
}
