import { resolve } from 'node:path';
import { type GraphIndex, indexGraph } from '../../core/graph/graphIndex';
import { inferShapes, type Shapes } from '../../core/graph/shapes';
import type { CancelSignal } from '../../core/ports';
import type { ModelRequest } from '../../shared/rpc';
import { openFileSource } from './fileSource';
import { openModelFile } from './modelFile';

/** What a model file tells without its payloads, which cannot be read any more. */
export interface FileGraph {
  readonly path: string;
  readonly index: GraphIndex;
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
  const opened = await openModelFile(path, { signal });
  try {
    const index = indexGraph(opened.model);
    return { path, index, shapes: inferShapes(index, dimensions) };
  } finally {
    await opened.close();
  }
}

async function versionOf(path: string): Promise<string> {
  const source = await openFileSource(path);
  await source.close();
  return source.version;
}
