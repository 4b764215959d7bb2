import { normalDomain } from '../onnx/attributes';
import type { LayerWeight, NodeRef } from './types';

/** Operators that this version can quantize. */
const schemes: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Why a layer cannot be quantized, in one sentence for the user; undefined when it can. */
export function whyNotQuantizable(ref: NodeRef, weight: LayerWeight | undefined): string | undefined {
  const { node, scope } = ref;
  if (!weight) return 'Its weight is computed while the model runs, not stored in the file.';
  const { stored, dtype } = weight;
  if (stored.via === 'cast') return `Its weight is stored as ${dtype} and converted when the model runs.`;
  if (stored.via !== 'float') return `Its weight is already quantized (stored as ${dtype}).`;
  if (!schemes.has(node.opType) || normalDomain(node.domain) !== '') {
    return node.opType === 'Gather'
      ? 'Embedding tables (Gather) cannot be quantized yet.'
      : `${node.opType} layers cannot be quantized yet.`;
  }
  if (scope.kind === 'subgraph') {
    return `It is inside a branch or loop body of ${scope.owner?.name ?? 'another node'}; only layers of the main graph can be quantized yet.`;
  }
  if (scope.kind === 'function') {
    return `It is inside the function ${scope.id}; only layers of the main graph can be quantized yet.`;
  }
  if (dtype !== 'float') return `Its weight is ${dtype}; only float32 weights can be quantized yet.`;
  if (node.input[weight.inputIndex] !== weight.name) {
    return 'Its weight passes through other operators first; only weights that enter directly can be quantized yet.';
  }
  if (weight.shape.some((size) => size === 0)) return 'Its weight has no elements.';
  if (weight.shape.length < 2) return 'Its weight is a vector, not a matrix or filter.';
  return undefined;
}
