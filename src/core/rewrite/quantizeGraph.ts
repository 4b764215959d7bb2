import { throwIfCancelled } from '../errors';
import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import { derive } from '../onnx/origin';
import { elementCount, readFloat32 } from '../onnx/tensor';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { GraphChanges } from './graphChanges';
import { keptFloat, naming } from './layerResult';
import type { Placement } from './placement';
import { CONTRIB_DOMAIN } from './neededOpset';
import { QdqWriter } from './qdq';
import type { ReadValues, RewriteContext, Statistics } from './rewriteContext';
import type { Rewritten, RewrittenLayer } from './rewrite';
import { StaticLayers } from './staticLayers';
import { WeightOnlyLayers } from './weights/weightOnlyLayers';

/**
 * Carries out a placement on the graph that it was made for.
 * @param isDryRun no weight is read: the result has the sizes of the real one, but its payloads are not meant to be.
 */
export async function quantizeGraph(
  index: GraphIndex,
  placement: Placement,
  plan: Plan,
  statistics: Statistics,
  work: Work,
  isDryRun = false,
): Promise<Rewritten> {
  const main = index.main;
  if (!main) return { model: index.model, layers: [], notes: placement.notes.sentences() };
  const context = contextOf(index, main, placement, plan, statistics, isDryRun);
  const staticLayers = new StaticLayers(context);
  const weightOnly = new WeightOnlyLayers(context);
  await staticLayers.addActivations();

  const jobs = new Map([
    ...placement.layers.map((each) => [each.layer, () => staticLayers.quantizeLayer(each)] as const),
    ...placement.weightOnly.map((layer) => [layer, () => weightOnly.quantizeLayer(layer)] as const),
  ]);
  const results = new Map<NodeRef, RewrittenLayer>();
  // In the order of the file: a weight that several layers share is stored before the first of them.
  let done = 0;
  for (const layer of placement.allLayers) {
    const run = jobs.get(layer);
    if (!run) continue;
    throwIfCancelled(work.signal);
    work.onProgress?.(done++, jobs.size, `Quantizing ${layer.name}`);
    const result = await naming(layer.name, run);
    if (result) results.set(layer.ref, result);
  }
  context.writer.finish();
  const changed = atLeastIrVersion(
    context.changes.apply(),
    Math.max(weightOnly.leastIrVersion, staticLayers.leastIrVersion),
  );
  return {
    model: context.writer.needsContrib || weightOnly.needsContrib ? withContrib(changed) : changed,
    layers: placement.allLayers.map((layer) => results.get(layer.ref) ?? keptFloat(layer)),
    notes: placement.notes.sentences(),
  };
}

function contextOf(
  index: GraphIndex,
  main: Scope,
  placement: Placement,
  plan: Plan,
  { ranges, weights: weightChoices = new Map() }: Statistics,
  isDryRun: boolean,
): RewriteContext {
  const changes = new GraphChanges(index.model);
  const writer = new QdqWriter(index, main, changes);
  const readValues = isDryRun ? zeros : readFloat32;
  return { index, main, placement, plan, ranges, weightChoices, changes, writer, readValues, isDryRun };
}

const zeros: ReadValues = async (tensor) => new Float32Array(elementCount(tensor));

function atLeastIrVersion(model: Model, least: number): Model {
  return model.irVersion >= least ? model : derive(model, { irVersion: least });
}

function withContrib(model: Model): Model {
  const { opsetImport } = model;
  if (opsetImport.some(({ domain }) => domain === CONTRIB_DOMAIN)) return model;
  return derive(model, { opsetImport: [...opsetImport, { domain: CONTRIB_DOMAIN, version: 1 }] });
}
