import type { GraphIndex } from '../graphIndex';
import { operatorKey } from '../operands';
import type { ConstantRef, NodeRef } from '../types';
import { isIntegerProduct } from './operators';

/** What makes real numbers of the int32 sums of a ConvInteger or MatMulInteger. */
export interface IntegerChain {
  readonly nodes: readonly NodeRef[];
  /** The constant factor: the weight's scale. */
  readonly weightScale: ConstantRef | undefined;
  /** Value that the chain ends in. */
  readonly output: string;
}

/**
 * The chain that the dynamic mode of ONNX Runtime's tool writes after an integer product: Cast → Mul by (scale of the
 * activation × scale of the weight). Undefined for other nodes and other chains.
 */
export function integerChain(index: GraphIndex, product: NodeRef): IntegerChain | undefined {
  if (!isIntegerProduct(product)) return undefined;
  const cast = onlyReader(index, product, 'Cast');
  const multiply = cast && onlyReader(index, cast, 'Mul');
  if (!multiply) return undefined;
  const { node, scope } = multiply;
  const scale = node.input.find((value) => value !== cast.node.output[0]) ?? '';
  const direct = index.constant(scope, scale);
  const output = node.output[0] ?? '';
  if (direct) return { nodes: [cast, multiply], weightScale: direct, output };
  const scales = index.producer(scope, scale);
  if (!scales || operatorKey(scales.node) !== 'Mul')
    return { nodes: [cast, multiply], weightScale: undefined, output };
  const [weightScale] = scales.node.input.flatMap((value) => index.constant(scales.scope, value) ?? []);
  return { nodes: [cast, scales, multiply], weightScale, output };
}

/** The one node that reads a node's first output, if there is just one, it is of this type, and the model does not give the value out. */
function onlyReader(index: GraphIndex, { node, scope }: NodeRef, opType: string): NodeRef | undefined {
  const value = node.output[0] ?? '';
  const [reader, ...others] = index.consumers(scope, value);
  if (!reader || others.length > 0 || index.isOutput(scope, value)) return undefined;
  return operatorKey(reader.node) === opType ? reader : undefined;
}
