import { InputError } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer } from '../graph/types';
import { derive } from '../onnx/origin';
import { DataType, type Model, type Tensor } from '../onnx/types';
import { formatOf, isStatic, schemeOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import { isEightBit } from './activationTypes';
import { widenFloat16 } from './convert/widenFloat16';
import { dropIdentities } from './dropIdentities';
import { foldChannelAffine } from './foldChannelAffine';
import { foldGemmFactors } from './foldGemmFactors';
import { foldConstants } from './foldConstants';
import { GraphChanges } from './graphChanges';
import { meanToPool } from './meanToPool';
import {
  CONTRIB_DOMAIN,
  FOUR_BIT_OPSET,
  opsetNeed,
  PER_CHANNEL_OPSET,
  QDQ_OPSET,
  type OpsetNeed,
} from './neededOpset';
import { defaultOpset, raiseOpset, type RaisedModel } from './opset';
import { placeQuantization } from './placement';

/** A float model that computes the same as the original and is ready for quantization. */
export interface Prepared {
  readonly model: Model;
  /** What was changed that the user may wonder about. */
  readonly notes: readonly string[];
}

const HALF: number = DataType.FLOAT16;

/** IR version from which initializers need not be inputs. */
const CONSTANTS_IR_VERSION = 4;

/** How a model was prepared. */
interface Preparation extends Prepared {
  readonly source: Model;
  /** Names of layers that took in what stood behind them. */
  readonly folded: ReadonlySet<string>;
  /** Of those that could have, but kept their own bias. */
  readonly unfolded: ReadonlySet<string>;
}

const prepared = new WeakMap<Model, Preparation>();

/**
 * The float model from which every variant of a plan is made: opset raised as far as the plan needs, nodes named with
 * their stable names (so that plans keep meaning the same nodes), initializers no longer inputs, float16 as float32
 * where a layer of it is quantized, Identity and Dropout removed, BatchNormalization, constant factors and offsets per
 * channel folded, constants computed, spatial means as pools. A plan that quantizes nothing leaves the model as it is, and so does a second call.
 *
 * Nothing is folded into a layer whose bias becomes a table: of few values, none fits biases that normalizations have spread.
 * A prepared model whose folds do not suit the plan is prepared again from the model that it was made of; layers that the
 * plan leaves float take either form.
 * @throws InputError when the model's opset cannot be raised; the message names the operator.
 */
export async function prepareFloat(model: Model, plan: Plan): Promise<Prepared> {
  const known = prepared.get(model);
  if (known && !suitsFolds(known, plan)) return prepareFloat(known.source, plan);
  // A plan with smaller indices or wider activations than the one it was prepared for may need a higher opset.
  if (known && needOf(model, plan) === 'none') return known;
  if (!mayQuantize(model, plan)) return { model, notes: [] };
  const named = fixInputs(nameNodes(model));
  const raised = raiseForPlan(named, plan);
  const wide = quantizesHalf(raised.model, plan) ? widenFloat16(raised.model) : raised.model;
  const folded = new Set(known?.folded);
  const unfolded = new Set(known?.unfolded);
  const foldFollowers = (current: Model): Model =>
    foldChannelAffine(current, undefined, ({ name }) => {
      const keepsOwn = hasBiasTable(plan, name);
      (keepsOwn ? folded : unfolded).delete(name);
      (keepsOwn ? unfolded : folded).add(name);
      return keepsOwn;
    });
  const passes = [dropIdentities, foldConstants, foldGemmFactors, foldFollowers, meanToPool];
  const result: Preparation = {
    model: passes.reduce((current, pass) => pass(current), wide),
    notes: raised.notes,
    source: known?.source ?? model,
    folded,
    unfolded,
  };
  if (!plannedLayers(result.model, plan).some(({ quantizable }) => quantizable)) return { model, notes: [] };
  prepared.set(result.model, result);
  return result;
}

/**
 * The model prepared for a plan as if for no other: what other plans wanted unfolded is folded. Rounding of the last bit then
 * does not depend on them.
 * @throws InputError as `prepareFloat`.
 */
export function prepareAnew(model: Model, plan: Plan): Promise<Prepared> {
  const known = prepared.get(model);
  return prepareFloat(known && known.unfolded.size > 0 ? known.source : model, plan);
}

/**
 * Whether the weight of a prepared layer holds more than the file's, such as a normalization: float16 as float32 is the same.
 * @param stored the weight in the model that was prepared. @param weight that of `model`.
 */
export function isFoldedInto(model: Model, layer: string, stored: Tensor, weight: Tensor): boolean {
  if (weight.rawData === stored.rawData) return false;
  return stored.dataType !== HALF || (prepared.get(model)?.folded.has(layer) ?? false);
}

/** What a model was prepared from, with its normalizations; itself when it was not prepared. */
export function preparedFrom(model: Model): Model {
  return prepared.get(model)?.source ?? model;
}

/** True when no layer that the plan quantizes was folded although it should not be, or the other way round. */
function suitsFolds({ folded, unfolded }: Preparation, plan: Plan): boolean {
  const isFloat = (name: string): boolean => schemeOf(plan, name, true) === 'float';
  return (
    ![...folded].some((name) => hasBiasTable(plan, name)) &&
    ![...unfolded].some((name) => !isFloat(name) && !hasBiasTable(plan, name))
  );
}

/** True for a weight-only layer whose bias is stored as indices into a table. */
function hasBiasTable(plan: Plan, name: string): boolean {
  const { scheme, bias = 'float' } = formatOf(plan, name);
  return scheme !== 'float' && !isStatic(scheme) && bias !== 'float' && bias !== 'int32';
}

/**
 * Raises the opset as far as the plan needs. Codes of 4 bits and activations of 16 are worth raising it further, but not worth
 * giving up: where that is not possible, indices are written as bytes, the others by com.microsoft's operators. Blocks are not
 * written in another way.
 */
function raiseForPlan(model: Model, plan: Plan): RaisedModel {
  const need = needOf(model, plan);
  if (need === 'none') return raiseForAxes(model, plan);
  try {
    return raiseOpset(model, FOUR_BIT_OPSET, plan.dimensions);
  } catch (error) {
    if (!(error instanceof InputError) || need === 'must') throw error;
    const raised = raiseForAxes(model, plan);
    return { model: raised.model, notes: [...raised.notes, error.message] };
  }
}

/** To where scales have an axis. Models that have Q/DQ without one are left where they are if they must be. */
function raiseForAxes(model: Model, plan: Plan): RaisedModel {
  try {
    return raiseOpset(model, PER_CHANNEL_OPSET, plan.dimensions);
  } catch (error) {
    const opset = defaultOpset(model.opsetImport) ?? 0;
    if (!(error instanceof InputError) || opset < QDQ_OPSET) throw error;
    return {
      model,
      notes: [`${error.message} Until then the weights are written with operators of ${CONTRIB_DOMAIN}.`],
    };
  }
}

/** Whether the plan uses types or blocks that the model's opset does not have. */
function needOf(model: Model, plan: Plan): OpsetNeed {
  if ((defaultOpset(model.opsetImport) ?? 0) >= FOUR_BIT_OPSET) return 'none';
  const formats = [{ ...plan.defaultOptions, scheme: plan.defaultScheme }, ...Object.values(plan.layers)];
  const isWide = Object.values(plan.tensors ?? {}).some(({ type = 'uint8' }) => !isEightBit(type));
  // Most plans have none, and need no look at the layers.
  if (
    !isWide &&
    formats.every(
      ({ scheme, ...options }) => scheme === 'auto' || opsetNeed({ ...options, scheme }) === 'none',
    )
  )
    return 'none';
  const layers = plannedLayers(model, plan);
  const needs = layers.map((layer) => opsetNeed(formatOf(plan, layer.name), layer));
  if (layers.some(({ quantizable }, at) => quantizable && needs[at] === 'must')) return 'must';
  return isWide || needs.some((need) => need !== 'none') ? 'wish' : 'none';
}

/**
 * Names of the values whose ranges `rewrite` needs for a plan, in the prepared main graph.
 * @param trials also those that plans with other layers quantized need: for a scan.
 */
export function activationsToCalibrate(
  { model }: Prepared,
  plan: Plan,
  { trials = false }: { readonly trials?: boolean } = {},
): string[] {
  const index = indexGraph(model);
  const plans = trials ? [plan, { ...plan, defaultScheme: 'w8a8' as const, layers: {} }] : [plan];
  const values = new Set<string>();
  for (const each of plans) {
    const { tensors, fixedRanges, layers, clips } = placeQuantization(index, each);
    for (const { rangeOf } of tensors.values()) if (!fixedRanges.has(rangeOf)) values.add(rangeOf);
    if (!trials) continue;
    // On its own, a layer shares no scale: it needs the ranges of its own input and output.
    for (const { layer, dataInput } of layers) {
      values.add(layer.ref.node.input[dataInput] ?? '');
      values.add((clips.get(layer.ref) ?? layer.ref).node.output[0] ?? '');
    }
  }
  return [...values].filter((value) => !isFixed(plan, value));
}

/** True when the plan itself says what the range of a value is. */
function isFixed({ tensors = {} }: Plan, value: string): boolean {
  const override = Object.hasOwn(tensors, value) ? tensors[value] : undefined;
  return override?.min !== undefined || override?.scale !== undefined;
}

/** True when the plan quantizes a layer, or may once what stands between it and its weight is folded. */
function mayQuantize(model: Model, plan: Plan): boolean {
  return plannedLayers(model, plan).some(
    ({ ref, quantizable, weight }) =>
      quantizable || (ref.scope.kind === 'graph' && (!weight || weight.dtype.startsWith('float'))),
  );
}

function plannedLayers(model: Model, plan: Plan): Layer[] {
  const index = indexGraph(model);
  const layers = findLayers(index, inferShapes(index, plan.dimensions));
  return layers.filter(({ name }) => schemeOf(plan, name, true) !== 'float');
}

/** True when the plan gives another format to a layer that computes in float16. */
function quantizesHalf(model: Model, plan: Plan): boolean {
  const index = indexGraph(model);
  const shapes = inferShapes(index, plan.dimensions);
  return findLayers(index, shapes).some(({ ref, name, weights, quantizable }) => {
    if (!quantizable || ['float', 'fp16'].includes(schemeOf(plan, name, true))) return false;
    return weights.some(
      ({ inputIndex }) => shapes.dtypeOf(ref.scope, ref.node.input[inputIndex] ?? '') === HALF,
    );
  });
}

/** Writes the stable names of all nodes into them. */
function nameNodes(model: Model): Model {
  const index = indexGraph(model);
  const changes = new GraphChanges(model);
  for (const { node, name } of index.nodes) if (node.name !== name) changes.edit(node, { name });
  return changes.apply();
}

/**
 * Takes initializers off the list of inputs. Up to IR version 3 every initializer had to be there; later it means
 * that a caller may replace it, which would go past a quantized copy.
 */
function fixInputs(model: Model): Model {
  const { graph } = model;
  if (!graph) return model;
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const input = graph.input.filter(({ name }) => !constants.has(name));
  if (input.length === graph.input.length) return model;
  const irVersion = Math.max(model.irVersion, CONSTANTS_IR_VERSION);
  return derive(model, { irVersion, graph: derive(graph, { input }) });
}
