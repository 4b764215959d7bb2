import { resolve } from 'node:path';
import { throwIfCancelled } from '../../core/errors';
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

/** A graph as the file has it, whatever the sizes of its dimensions. */
type ReadFile = Pick<FileGraph, 'path' | 'bytes' | 'index'>;

interface Kept {
  /** Of the file and its version. */
  readonly key: string;
  readonly sizes: string;
  readonly graph: FileGraph;
  readonly timer: NodeJS.Timeout;
}

let kept: Kept | undefined;
/** The file that is being read now. */
let reading: { readonly key: string; readonly ended: Promise<unknown> } | undefined;

/**
 * The graph of a model file. The last one is kept for those who ask again, as the inspector does with every selected row:
 * reading 100,000 nodes takes seconds. Who asks while it is being read waits for that.
 * @throws OnnxFileError, RoundoffError (the file cannot be opened), CancelledError
 */
export async function readGraph(
  { file, dimensions = {} }: ModelRequest,
  { signal }: { readonly signal?: CancelSignal } = {},
): Promise<FileGraph> {
  const path = resolve(file);
  const key = JSON.stringify([path, await versionOf(path)]);
  const sizes = JSON.stringify(dimensions);
  // Of those who wait, one reads it where the first was cancelled.
  while (reading?.key === key) await reading.ended;
  throwIfCancelled(signal);
  const last = kept?.key === key ? kept : undefined;
  if (last?.sizes === sizes) return keep(key, sizes, last.graph);
  const read = async () => withSizes(last?.graph ?? (await readAnew(path, signal)), dimensions);
  const graph = read().then((made) => keep(key, sizes, made));
  const own = { key, ended: graph.catch(() => undefined) };
  reading = own;
  return graph.finally(() => {
    if (reading === own) reading = undefined;
  });
}

function keep(key: string, sizes: string, graph: FileGraph): FileGraph {
  clearTimeout(kept?.timer);
  const timer = setTimeout(() => (kept = undefined), KEPT_MS).unref();
  kept = { key, sizes, graph, timer };
  return graph;
}

async function readAnew(path: string, signal: CancelSignal | undefined): Promise<ReadFile> {
  const file = await ReleasedFile.held(() => openFileSource(path));
  try {
    const resolveExternal = (location: string) => externalFile(path, location);
    const index = indexGraph(await readModel(file, { resolveExternal, signal }));
    return { path, bytes: file.size, index };
  } finally {
    await file.release();
  }
}

function withSizes(
  { path, bytes, index }: ReadFile,
  dimensions: Readonly<Record<string, number>>,
): FileGraph {
  let shapes: Shapes | undefined;
  return {
    path,
    bytes,
    index,
    get shapes() {
      return (shapes ??= inferShapes(index, dimensions));
    },
  };
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
