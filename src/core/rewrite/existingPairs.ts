import type { GraphIndex } from '../graph/graphIndex';
import { operatorKey } from '../graph/operands';
import type { NodeRef, Scope } from '../graph/types';
import { attribute } from '../onnx/attributes';
import { dtypeName } from '../onnx/dtype';
import type { QuantParams, StaticType } from '../quant/scheme';
import { intsConstant, scalarConstant } from './inlineConstants';
import type { ParamNames } from './qdq';

/** A Q/DQ pair that the model came with. */
export interface ExistingPair {
  /** What the DequantizeLinear gives. */
  readonly output: string;
  readonly params: QuantParams;
  readonly names: ParamNames;
}

const staticTypes: readonly string[] = ['uint8', 'int8', 'uint16', 'int16'] satisfies StaticType[];

/**
 * The pair that a tensor of the model has already: it comes from a DequantizeLinear, or goes through a QuantizeLinear and
 * a DequantizeLinear. Only pairs with one constant scale and zero point for the whole tensor.
 */
export function existingPair(index: GraphIndex, scope: Scope, value: string): ExistingPair | undefined {
  const producer = index.producer(scope, value);
  const codes =
    producer && isOperator(producer, 'DequantizeLinear')
      ? producer.node.input.slice(0, 1)
      : index
          .consumers(scope, value)
          .flatMap((reader) => (quantizes(reader, value) ? (reader.node.output[0] ?? '') : []));
  const readers = codes.flatMap((each) => index.consumers(scope, each));
  for (const reader of new Set([...(producer ? [producer] : []), ...readers])) {
    if (reader.scope !== scope || !isOperator(reader, 'DequantizeLinear')) continue;
    const pair = describePair(index, reader);
    if (pair) return pair;
  }
  return undefined;
}

/** True when a QuantizeLinear of the model reads a tensor: it needs no other. */
export function isQuantizedAlready(index: GraphIndex, scope: Scope, value: string): boolean {
  return index.consumers(scope, value).some((reader) => quantizes(reader, value));
}

function describePair(index: GraphIndex, { node, scope }: NodeRef): ExistingPair | undefined {
  const [, scaleName = '', zeroPointName = ''] = node.input;
  const scale = scalarConstant(index, scope, scaleName);
  const [zeroPoint, ...others] = intsConstant(index, scope, zeroPointName) ?? [];
  const type = staticType(index.constant(scope, zeroPointName)?.tensor.dataType ?? 0);
  if (scale === undefined || zeroPoint === undefined || others.length > 0 || !type) return undefined;
  if (attribute(node, 'block_size')) return undefined;
  return {
    output: node.output[0] ?? '',
    params: { scale, zeroPoint },
    names: { type, scale: scaleName, zeroPoint: zeroPointName },
  };
}

function staticType(dataType: number): StaticType | undefined {
  const name = dtypeName(dataType);
  return isStaticType(name) ? name : undefined;
}

function isStaticType(name: string): name is StaticType {
  return staticTypes.includes(name);
}

function quantizes(reader: NodeRef, value: string): boolean {
  return isOperator(reader, 'QuantizeLinear') && reader.node.input[0] === value;
}

function isOperator({ node }: NodeRef, opType: string): boolean {
  const key = operatorKey(node);
  return key === opType || key === `com.microsoft:${opType}`;
}
