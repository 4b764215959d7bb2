import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RoundoffError, throwIfCancelled } from '../core/errors';
import { type GraphIndex, indexGraph } from '../core/graph/graphIndex';
import { findLayers } from '../core/graph/layers';
import { inferShapes } from '../core/graph/shapes';
import { summarizeModel, type SummaryOptions } from '../core/graph/summary';
import { ExternalPayload } from '../core/onnx/externalPayload';
import type { Tensor } from '../core/onnx/types';
import type { Work } from '../core/ports';
import type { ModelSummary, Problem } from '../core/results';
import type { OpenedModel } from './files/modelFile';
import { weightHash } from './weightHash';

/**
 * What `inspect` tells about a model: layers, nodes, totals, inputs and outputs, problems. Reads the graph and, of
 * external data, one byte per file to see that it is there and long enough.
 * @throws InputError for a dimension that is not a whole number.
 */
export async function inspectModel(
  opened: Pick<OpenedModel, 'model' | 'path' | 'bytes'>,
  dimensions: Readonly<Record<string, number>> = {},
  options: Omit<SummaryOptions, 'dimensions'> = {},
): Promise<ModelSummary> {
  const index = indexGraph(opened.model);
  const { problems, ...summary } = summarizeModel(index, { ...options, dimensions });
  const external = await checkExternalData(index, opened.path);
  return {
    file: opened.path,
    bytes: opened.bytes + external.bytes,
    ...summary,
    problems: [...external.problems, ...problems],
  };
}

/** The hash of every layer's weight, by layer name; a weight that several layers use is read once. */
export async function weightHashes(
  { model }: Pick<OpenedModel, 'model'>,
  work: Work = {},
): Promise<Record<string, string>> {
  const index = indexGraph(model);
  const layers = findLayers(index, inferShapes(index));
  const known = new Map<Tensor, string>();
  const hashes: Record<string, string> = {};
  for (const [done, { name, weight }] of layers.entries()) {
    if (!weight) continue;
    throwIfCancelled(work.signal);
    work.onProgress?.(done, layers.length, `Reading the weight of ${name}`);
    const hash = known.get(weight.tensor) ?? (await weightHash(weight.tensor, work.signal));
    known.set(weight.tensor, hash);
    hashes[name] = hash;
  }
  return hashes;
}

/** A broken file can have one for every weight. */
const MOST_PROBLEMS = 20;

/** Size of the external files that a model names, and a problem for each that cannot be read as far as it says. */
async function checkExternalData(
  index: GraphIndex,
  path: string,
): Promise<{ bytes: number; problems: Problem[] }> {
  const furthest = new Map<string, ExternalPayload>();
  const problems: Problem[] = [];
  for (const { rawData } of tensorsOf(index)) {
    if (!(rawData instanceof ExternalPayload)) continue;
    const { location, offset, byteLength, problem } = rawData;
    const before = furthest.get(location);
    const reachesFurther = !before || offset + byteLength > before.offset + before.byteLength;
    if (problem) problems.push({ severity: 'error', message: problem, node: null });
    else if (reachesFurther) furthest.set(location, rawData);
  }
  let bytes = 0;
  for (const [location, payload] of furthest) {
    try {
      await payload.read(Math.max(0, payload.byteLength - 1), Math.min(1, payload.byteLength));
      bytes += (await stat(join(dirname(path), location))).size;
    } catch (error) {
      if (!(error instanceof RoundoffError)) throw error;
      const message = `The weights in "${location}" cannot be read. ${error.message}`;
      problems.push({ severity: 'error', message, node: null });
    }
  }
  if (problems.length <= MOST_PROBLEMS) return { bytes, problems };
  const message = `${problems.length - MOST_PROBLEMS} more parts of the external data cannot be read.`;
  return {
    bytes,
    problems: [...problems.slice(0, MOST_PROBLEMS), { severity: 'error', message, node: null }],
  };
}

function* tensorsOf(index: GraphIndex): Iterable<Tensor> {
  for (const scope of index.scopes) yield* index.initializers(scope);
  for (const { node } of index.nodes) {
    for (const { t, tensors } of node.attribute) {
      if (t) yield t;
      yield* tensors;
    }
  }
}
