import { attrInt, normalDomain } from '../onnx/attributes';
import { hasMacs, macsOf } from './cost';
import type { GraphIndex } from './graphIndex';
import { layerPaths } from './layerPath';
import { operatorKey, weightedOperator, type WeightedOperator } from './operands';
import { ownedConstants } from './operandSizes';
import { dequantizedRows, looksUpParameters } from './quantization/dequantizedRows';
import { whyNotQuantizable } from './quantizable';
import { numericShape } from './shapeRules/facts';
import type { Shapes } from './shapes';
import { traceConstant } from './traceWeight';
import type { Layer, LayerWeight, NodeRef } from './types';
import { replayLayout } from './weightLayout';

/** Operators that are layers even when their weight is not constant; a MatMul or Gather without one is plain arithmetic. */
const alwaysLayers: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'LSTM', 'GRU', 'RNN']);

/** Every row of a model, in the order of the file: layers, and nodes without a weight. */
export interface Rows {
  readonly layers: readonly Layer[];
  readonly nodes: readonly Layer[];
}

/**
 * Every node of every scope as a row, without Constant nodes. Layers are nodes with a constant weight, however it is
 * stored, and convolutions and recurrent nodes without one.
 * @param refs those that are wanted, from the first of the model on without a gap.
 */
export function findRows(index: GraphIndex, shapes: Shapes, refs: readonly NodeRef[] = index.nodes): Rows {
  const paths = layerPaths(index, refs);
  const layers: Layer[] = [];
  const nodes: Layer[] = [];
  for (const ref of refs) {
    if (isConstantNode(ref)) continue;
    const weights = weightsOf(index, shapes, ref);
    const isLayer = weights.length > 0 || isAlwaysLayer(ref);
    (isLayer ? layers : nodes).push(row(index, shapes, ref, paths.get(ref) ?? [], weights, isLayer));
  }
  return { layers, nodes };
}

/** The layers alone. */
export function findLayers(index: GraphIndex, shapes: Shapes): Layer[] {
  return [...findRows(index, shapes).layers];
}

/** One literal: `{ ...row, weights }` would give each row of a large model a hidden class of its own (V8). */
function row(
  index: GraphIndex,
  shapes: Shapes,
  ref: NodeRef,
  path: readonly string[],
  weights: readonly LayerWeight[],
  isLayer: boolean,
): Layer {
  const reason = isLayer ? whyNotQuantizable(ref, weights, shapes) : undefined;
  const { parameters, bytes, tensors } = ownedConstants(index, ref);
  return {
    ref,
    name: ref.name,
    op: ref.node.opType,
    path,
    constants: tensors,
    parameters,
    bytes,
    macs: repeats(ref) && hasMacs(ref.node) ? undefined : macsOf(ref, shapes),
    weight: weights[0],
    weights,
    quantizable: isLayer && reason === undefined,
    reason,
  };
}

/** True inside the body of a Loop or Scan: how often it runs is not known. */
function repeats(ref: NodeRef): boolean {
  for (let scope = ref.scope; scope.owner; scope = scope.owner.scope) {
    if (scope.owner.node.opType !== 'If') return true;
  }
  return false;
}

function isConstantNode({ node }: NodeRef): boolean {
  return node.opType === 'Constant' && normalDomain(node.domain) === '';
}

function isAlwaysLayer({ node }: NodeRef): boolean {
  return alwaysLayers.has(node.opType) && normalDomain(node.domain) === '';
}

/** The constant weights of a node, traced to where they are stored. */
export function weightsOf(index: GraphIndex, shapes: Shapes, ref: NodeRef): LayerWeight[] {
  const operator = weightedOperator(ref.node);
  if (!operator) return [];
  const weights: LayerWeight[] = [];
  for (const inputIndex of operator.weight) {
    const weight = weightAt(index, shapes, ref, operator, inputIndex);
    if (!weight) continue;
    weights.push(weight);
    break;
  }
  for (const inputIndex of operator.further ?? []) {
    const weight = weightAt(index, shapes, ref, operator, inputIndex);
    if (weight) weights.push(weight);
  }
  return weights;
}

function weightAt(
  index: GraphIndex,
  shapes: Shapes,
  ref: NodeRef,
  operator: WeightedOperator,
  inputIndex: number,
): LayerWeight | undefined {
  const { node, scope } = ref;
  const operand = node.input[inputIndex] ?? '';
  const traced = traceConstant(index, scope, operand);
  if (!traced) return undefined;
  if (operatorKey(node) === 'Gather' && !isEmbedding(index, ref, traced.dtype, traced.stored.via)) {
    return undefined;
  }
  const { constant, steps, dtype } = traced;
  const { tensor, kind } = constant;
  const place = { name: traced.value, tensor, kind, inputIndex, scope: constant.scope, steps };
  if (operator.form === 'matmulnbits') {
    return {
      ...place,
      shape: [attrInt(node, 'K', 0), attrInt(node, 'N', 0)],
      dtype: `uint${attrInt(node, 'bits', 4)}`,
      stored: { via: 'matmulnbits', scale: node.input[2], zeroPoint: node.input[3] || undefined },
      axes: [],
    };
  }
  const layout = replayLayout(tensor.dims, steps, shapes);
  const shape = layout?.shape ?? numericShape(shapes.of(scope, operand)) ?? tensor.dims;
  const stored =
    operator.form === 'qlinear'
      ? {
          via: 'qlinear' as const,
          scale: inputName(ref, operator.scale),
          zeroPoint: inputName(ref, operator.zeroPoint),
        }
      : traced.stored;
  return { shape, dtype, stored, axes: layout?.axes ?? shape.map(() => undefined), ...place };
}

function inputName({ node }: NodeRef, position: number | undefined): string | undefined {
  return position === undefined ? undefined : node.input[position] || undefined;
}

/** A table of real numbers (or their codes) with rows, read at positions that the model computes. */
function isEmbedding(index: GraphIndex, ref: NodeRef, dtype: string, via: string): boolean {
  const [table = '', positions = ''] = ref.node.input;
  const traced = traceConstant(index, ref.scope, table);
  const isReal = via !== 'float' || dtype.startsWith('float') || dtype === 'double' || dtype === 'bfloat16';
  return (
    (isReal || dequantizedRows(index, ref) !== undefined) &&
    !looksUpParameters(index, ref) &&
    (traced?.constant.tensor.dims.length ?? 0) >= 2 &&
    !traceConstant(index, ref.scope, positions)
  );
}
