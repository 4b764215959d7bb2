import { attrInt, normalDomain } from '../onnx/attributes';
import { DataType } from '../onnx/types';
import type { Shapes } from './shapes';
import type { Layer, LayerWeight, NodeRef, Scope } from './types';

/** Operators that can be quantized. */
const operators: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'Gather',
  'Gemm',
  'GRU',
  'LSTM',
  'MatMul',
  'RNN',
]);

/** Element types of weights that can be quantized, as they are stored. */
const storedTypes: ReadonlySet<string> = new Set(['float', 'float16', 'bfloat16', 'double']);

/** Operators between a stored weight and its layer that only arrange, convert or scale its elements. */
const arranging: ReadonlySet<string> = new Set([
  'Cast',
  'CastLike',
  'Concat',
  'Flatten',
  'Identity',
  'Mul',
  'Reshape',
  'Slice',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/** Why a layer cannot be quantized, in one sentence for the user; undefined when it can. */
export function whyNotQuantizable(
  ref: NodeRef,
  weights: readonly LayerWeight[],
  shapes: Shapes,
): string | undefined {
  const { node } = ref;
  if (weights.length === 0) return 'Its weight is computed while the model runs, not stored in the file.';
  const stored = weights.find(({ stored: { via } }) => via !== 'float' && via !== 'cast');
  if (stored) return `Its weight is already quantized (stored as ${stored.dtype}).`;
  if (!operators.has(node.opType) || normalDomain(node.domain) !== '') {
    return `${node.opType} layers cannot be quantized.`;
  }
  for (const weight of weights) {
    const reason = whyNotStorable(ref, weight, shapes);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function whyNotStorable(ref: NodeRef, weight: LayerWeight, shapes: Shapes): string | undefined {
  const { dtype, shape, steps, scope } = weight;
  if (/^u?int[248]$/.test(dtype)) return `Its weight is already quantized (stored as ${dtype}).`;
  if (!storedTypes.has(dtype)) return `Its weight is stored as ${dtype}, not as real numbers.`;
  const type = shapes.dtypeOf(ref.scope, ref.node.input[weight.inputIndex] ?? '');
  if (![DataType.UNDEFINED, DataType.FLOAT, DataType.FLOAT16].includes(type)) {
    return 'It computes in a type other than float32 and float16.';
  }
  const strange = steps.find(({ node }) => !arranging.has(node.opType));
  if (strange) return `Its weight passes through ${strange.name} (${strange.node.opType}) first.`;
  if (outermost(scope) !== outermost(ref.scope)) {
    return `Its weight is an argument of the function ${outermost(ref.scope).id}; only weights inside a function can be quantized there.`;
  }
  if (shape.some((size) => size === 0)) return 'Its weight has no elements.';
  if (shape.length < 2) return 'Its weight is a vector, not a matrix or filter.';
  return undefined;
}

/** The main graph or the function around a scope. */
function outermost(scope: Scope): Scope {
  let at = scope;
  while (at.parent) at = at.parent;
  return at;
}

/** Operators that take no quantized activation, whatever the plan forces: they read indices, or keep a state. */
const floatOnly: ReadonlySet<string> = new Set(['Gather', 'GRU', 'LSTM', 'RNN']);

/** Why a quantizable layer cannot have quantized activations, in a sentence for the user; undefined when it can. */
export function whyWeightOnly({ ref, op, weight }: Layer): string | undefined {
  if (ref.scope.kind !== 'graph') {
    const where = outermost(ref.scope).kind === 'function' ? 'a function' : 'a branch or loop body';
    return `Only the weight is 8-bit: activations inside ${where} are not calibrated, so it gets smaller but not faster.`;
  }
  if (floatOnly.has(op)) {
    return `Only the weight is 8-bit: the runtime has no integer kernel for ${op}, so it gets smaller but not faster.`;
  }
  const step = weight?.steps.find((each) => !keepsValue(each));
  if (step) {
    return `Only the weight is 8-bit: it passes through ${step.name} (${step.node.opType}) when the model runs, so it gets smaller but not faster.`;
  }
  return undefined;
}

/** True for a node that does nothing to a value which is float32 before it: Identity, and Cast to float32. */
export function keepsValue({ node }: NodeRef): boolean {
  if (normalDomain(node.domain) !== '') return false;
  if (node.opType === 'Identity') return true;
  return node.opType === 'Cast' && attrInt(node, 'to', DataType.UNDEFINED) === (DataType.FLOAT as number);
}
