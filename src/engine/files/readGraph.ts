import { resolve } from 'node:path';
import { type GraphIndex, indexGraph } from '../../core/graph/graphIndex';
import { inferShapes, type Shapes } from '../../core/graph/shapes';
import { readModel } from '../../core/onnx/read';
import type { ByteSource, CancelSignal } from '../../core/ports';
import type { ModelRequest } from '../../shared/rpc';
import { ExternalFiles } from './externalFiles';
import { openFileSource } from './fileSource';
import { ReleasedFile } from './releasedFile';

/** The graph of a model file, which is not kept open. Payloads can be read until it changes; each read opens the file. */
export interface FileGraph {
  readonly path: string;
  /** Size of the model file, without external data. */
  readonly bytes: number;
  readonly index: GraphIndex;
  /** Inferred when first asked for. */
  readonly shapes: Shapes;
}

/** Of large models a graph takes hundreds of megabytes: it is given back when nobody has asked for so long. */
const KEPT_MS = 120_000;

let kept: { readonly key: string; readonly graph: FileGraph; readonly timer: NodeJS.Timeout } | undefined;

/**
 * The graph of a model file. The last one is kept for those who ask again, as the inspector does with every selected row:
 * reading 100,000 nodes takes seconds.
 * @throws OnnxFileError, RoundoffError (the file cannot be opened), CancelledError
 */
export async function readGraph(
  { file, dimensions = {} }: ModelRequest,
  { signal }: { readonly signal?: CancelSignal } = {},
): Promise<FileGraph> {
  const path = resolve(file);
  const key = JSON.stringify([path, await versionOf(path), dimensions]);
  const graph = kept?.key === key ? kept.graph : await readAnew(path, dimensions, signal);
  clearTimeout(kept?.timer);
  const timer = setTimeout(() => (kept = undefined), KEPT_MS).unref();
  kept = { key, graph, timer };
  return graph;
}

async function readAnew(
  path: string,
  dimensions: Readonly<Record<string, number>>,
  signal: CancelSignal | undefined,
): Promise<FileGraph> {
  const file = await ReleasedFile.held(() => openFileSource(path));
  try {
    const resolveExternal = (location: string) => externalFile(path, location);
    const index = indexGraph(await readModel(file, { resolveExternal, signal }));
    let shapes: Shapes | undefined;
    return {
      path,
      bytes: file.size,
      index,
      get shapes() {
        return (shapes ??= inferShapes(index, dimensions));
      },
    };
  } finally {
    await file.release();
  }
}

/** Found anew each time that a payload is read: external data may change without the model. */
async function externalFile(path: string, location: string): Promise<ByteSource> {
  const file = await ReleasedFile.held(() => new ExternalFiles(path).resolve(location));
  await file.release();
  return file;
}

async function versionOf(path: string): Promise<string> {
  const source = await openFileSource(path);
  await source.close();
  return source.version;
}
