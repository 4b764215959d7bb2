import { attrInt } from '../onnx/attributes';
import type { Node } from '../onnx/types';
import { operatorKey } from './operands';
import type { Shapes } from './shapes';
import type { NodeRef, Shape } from './types';

type Macs = (
  node: Node,
  shape: (position: number) => Shape | undefined,
  output: Shape | undefined,
) => number | undefined;

/** Number of elements; undefined unless every dimension is a number. */
export function sizeOf(shape: Shape | undefined): number | undefined {
  let size = 1;
  for (const dimension of shape ?? [null]) {
    if (typeof dimension !== 'number') return undefined;
    size *= dimension;
  }
  return size;
}

function times(...factors: (number | string | null | undefined)[]): number | undefined {
  let product = 1;
  for (const factor of factors) {
    if (typeof factor !== 'number') return undefined;
    product *= factor;
  }
  return product;
}

/** Every output element is a dot product over one filter: [M, C/group, ...kernel]. */
function convolution(weight: number): Macs {
  return (_node, shape, output) => times(sizeOf(output), sizeOf(shape(weight)?.slice(1)));
}

/** Every input element meets one filter: [C, M/group, ...kernel]. */
const transposedConvolution: Macs = (_node, shape) => times(sizeOf(shape(0)), sizeOf(shape(1)?.slice(1)));

/** Output elements times the contracted dimension of A. */
function matrixProduct(transposed: (node: Node) => boolean): Macs {
  return (node, shape, output) => {
    const left = shape(0);
    const contracted = transposed(node) && left && left.length > 1 ? left.at(-2) : left?.at(-1);
    return times(sizeOf(output), contracted);
  };
}

/** W and R are [directions, gates·hidden, inputs]; each time step of each sample uses both. */
const recurrent: Macs = (node, shape) => {
  const input = shape(0);
  const steps = attrInt(node, 'layout', 0) === 1 ? input?.[1] : input?.[0];
  const batch = attrInt(node, 'layout', 0) === 1 ? input?.[0] : input?.[1];
  const input2hidden = sizeOf(shape(1));
  const hidden2hidden = sizeOf(shape(2));
  if (input2hidden === undefined || hidden2hidden === undefined) return undefined;
  return times(steps, batch, input2hidden + hidden2hidden);
};

const nBits: Macs = (node, _shape, output) => times(sizeOf(output), attrInt(node, 'K', 0));

/** ONNX Attention (opset 23): Q·Kᵀ and P·V. Inputs are [batch, heads, length, size] or [batch, length, heads·size]. */
const attention: Macs = (node, shape) => {
  const [query, key, value] = [shape(0), shape(1), shape(2)];
  if (query?.length === 4 && key?.length === 4 && value?.length === 4) {
    return sum(times(sizeOf(query), key[2]), times(sizeOf(query.slice(0, 3)), value[2], value[3]));
  }
  const heads = attrInt(node, 'q_num_heads', 0);
  const keyHeads = attrInt(node, 'kv_num_heads', 0);
  if (query?.length !== 3 || value?.length !== 3 || heads === 0 || keyHeads === 0) return undefined;
  const weighted = times(query[0], query[1], value[1], heads, value[2]);
  return sum(times(sizeOf(query), value[1]), weighted === undefined ? undefined : weighted / keyHeads);
};

function sum(...terms: (number | undefined)[]): number | undefined {
  return terms.reduce(
    (total, term) => (total === undefined || term === undefined ? undefined : total + term),
    0,
  );
}

const product = matrixProduct(() => false);
const gemm = matrixProduct((node) => attrInt(node, 'transA', 0) !== 0);

const costs: Readonly<Record<string, Macs>> = {
  Conv: convolution(1),
  DeformConv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  'com.microsoft:FusedConv': convolution(1),
  'com.microsoft:QLinearConv': convolution(3),
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  'com.microsoft:FusedGemm': gemm,
  'com.microsoft:QGemm': gemm,
  MatMul: product,
  MatMulInteger: product,
  QLinearMatMul: product,
  'com.microsoft:FusedMatMul': gemm,
  'com.microsoft:MatMulIntegerToFloat': product,
  'com.microsoft:DynamicQuantizeMatMul': product,
  'com.microsoft:MatMulNBits': nBits,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  'com.microsoft:DynamicQuantizeLSTM': recurrent,
  Attention: attention,
};

/** True for operators whose work is counted in multiply-accumulates. */
export function hasMacs(node: Node): boolean {
  return Object.hasOwn(costs, operatorKey(node));
}

/**
 * Multiply-accumulates of one run of a node; a bias is not counted, padding is. 0 for operators without any
 * (and for tensors without elements); undefined when a shape that matters is unknown.
 */
export function macsOf({ node, scope }: NodeRef, shapes: Shapes): number | undefined {
  const key = operatorKey(node);
  const cost = Object.hasOwn(costs, key) ? costs[key] : undefined;
  if (!cost) return 0;
  const [output = ''] = node.output;
  return cost(node, (position) => shapes.of(scope, node.input[position] ?? ''), shapes.of(scope, output));
}
