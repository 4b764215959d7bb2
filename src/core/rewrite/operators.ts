/** What ONNX Runtime's CPU kernels can do with 8-bit tensors: the table behind the scheme `auto`. */
import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { attrString, normalDomain } from '../onnx/attributes';
import type { Range } from '../quant/scheme';
import { scalarConstant } from './inlineConstants';

const first = (inputs: readonly string[]) => inputs.slice(0, 1);
const all = (inputs: readonly string[]) => inputs;

/** Operators with an integer kernel of their own, and which inputs are real numbers. */
const integerKernels: ReadonlyMap<string, (inputs: readonly string[]) => readonly string[]> = new Map([
  ['Add', all],
  ['Mul', all],
  ['MatMul', all],
  ['Concat', all],
  ['Where', (inputs) => inputs.slice(1)],
  ['AveragePool', first],
  ['GlobalAveragePool', first],
  ['LeakyRelu', first],
  ['Sigmoid', first],
  ['Softmax', first],
]);

/** Operators without an integer kernel that a plan can still put between pairs: all their inputs are real numbers. */
const forcedOnAll: ReadonlySet<string> = new Set(['Div', 'Max', 'Mean', 'Min', 'PRelu', 'Pow', 'Sub', 'Sum']);

/** The same; their first input is what they compute on. */
const forcedOnFirst: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'CumSum',
  'Elu',
  'Erf',
  'Exp',
  'Gelu',
  'GroupNormalization',
  'HardSigmoid',
  'HardSwish',
  'InstanceNormalization',
  'LayerNormalization',
  'ReduceMean',
  'ReduceSum',
  'Softplus',
  'Sqrt',
  'Tanh',
]);

/** Layers whose integer kernels take an 8-bit activation and weight. */
const integerLayers: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** Operators that only move, select or clip values: their output has the scale and zero point of their first input. */
const passThrough: ReadonlySet<string> = new Set([
  'Clip',
  'DepthToSpace',
  'Expand',
  'Flatten',
  'Gather',
  'GatherElements',
  'Identity',
  'MaxPool',
  'Pad',
  'ReduceMax',
  'ReduceMin',
  'Relu',
  'Reshape',
  'Resize',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** The inputs that must be 8-bit for the runtime's integer kernel; undefined when it has none for this node. */
export function integerKernelInputs({ node }: NodeRef): readonly string[] | undefined {
  return normalDomain(node.domain) === '' ? integerKernels.get(node.opType)?.(node.input) : undefined;
}

/** True when a layer computes on integers once its operands are quantized. */
export function hasIntegerKernel({ node }: NodeRef): boolean {
  return normalDomain(node.domain) === '' && integerLayers.has(node.opType);
}

/** The inputs to quantize where the plan forces pairs on a node that has no integer kernel; undefined when it cannot. */
export function forcedInputs({ node }: NodeRef): readonly string[] | undefined {
  if (normalDomain(node.domain) !== '') return undefined;
  if (forcedOnAll.has(node.opType)) return node.input;
  return forcedOnFirst.has(node.opType) ? node.input.slice(0, 1) : undefined;
}

/** True when the integer kernel of a node can give its float32 sums instead of codes: no pair is needed behind it. */
export function givesFloatSums({ node }: NodeRef): boolean {
  return node.opType === 'Gemm' || node.opType === 'MatMul';
}

/** True when the node's output has the codes of its first input, moved, selected or clipped. */
export function isPassThrough(index: GraphIndex, ref: NodeRef): boolean {
  const { node, scope } = ref;
  if (normalDomain(node.domain) !== '' || !passThrough.has(node.opType)) return false;
  switch (node.opType) {
    case 'Resize':
      // Cubic interpolation leaves the range of its input.
      return ['nearest', 'linear'].includes(attrString(node, 'mode', 'nearest'));
    case 'Pad': {
      if (attrString(node, 'mode', 'constant') !== 'constant') return true;
      const fill = node.input[2];
      return !fill || scalarConstant(index, scope, fill) === 0;
    }
    default:
      return true;
  }
}

/** The outputs that carry the input's values: not the indices that MaxPool gives too. */
export function passedOutputs({ node }: NodeRef): readonly string[] {
  return node.opType === 'Split' ? node.output : node.output.slice(0, 1);
}

/** The bounds of a Relu or of a Clip with constant bounds; undefined for other nodes. */
export function clippingBounds(index: GraphIndex, { node, scope }: NodeRef): Range | undefined {
  if (normalDomain(node.domain) !== '') return undefined;
  if (node.opType === 'Relu') return { min: 0, max: Infinity };
  if (node.opType !== 'Clip' || node.attribute.length > 0) return undefined;
  const [, low = '', high = ''] = node.input;
  const min = low === '' ? -Infinity : scalarConstant(index, scope, low);
  const max = high === '' ? Infinity : scalarConstant(index, scope, high);
  return min === undefined || max === undefined ? undefined : { min, max };
}

/** The range of an output that is known without data. */
export function fixedOutputRange({ node }: NodeRef): Range | undefined {
  return node.opType === 'Softmax' && normalDomain(node.domain) === '' ? { min: 0, max: 1 } : undefined;
}

/**
 * Operators with a small, precise result (scores, means of whole maps): rounding it to 8 bits pays only where an integer
 * kernel reads it.
 */
export function needsStaticReader({ node }: NodeRef): boolean {
  return ['Softmax', 'Sigmoid', 'GlobalAveragePool'].includes(node.opType);
}
