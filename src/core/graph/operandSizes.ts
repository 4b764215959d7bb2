import { dataTypeFacts, rawByteLength } from '../onnx/dtype';
import { attrInt } from '../onnx/attributes';
import type { Payload } from '../onnx/payload';
import type { Tensor } from '../onnx/types';
import type { GraphIndex } from './graphIndex';
import { isQuantizationInput, operatorKey, weightedOperator } from './operands';
import { dequantizedRows, looksUpParameters } from './quantization/dequantizedRows';
import { traceConstant, type TracedConstant } from './traceWeight';
import type { ConstantRef, NodeRef } from './types';

/** What one tensor adds to a node. */
interface Share {
  readonly parameters: number;
  readonly bytes: number;
}

/** Constants that a node owns, and what they add up to. */
export interface OwnedConstants {
  readonly parameters: number;
  /** As stored, with the scales, zero points and codebooks of these operands. */
  readonly bytes: number;
  /** Each tensor once, with its share. */
  readonly tensors: ReadonlyMap<Tensor, Share>;
}

/** Bytes that payloads take in a file where they are not written as they are. */
const fileSizes = new WeakMap<Payload, number>();

/** Notes that a file will hold a tensor in another form, of `bytes` bytes. */
export function setStoredBytes({ rawData }: Tensor, bytes: number): void {
  if (rawData) fileSizes.set(rawData, bytes);
}

/** Stored bytes of a tensor. */
export function storedBytes(tensor: Tensor): number {
  const payload = tensor.rawData ?? tensor.typedData?.payload;
  if (payload) return fileSizes.get(payload) ?? payload.byteLength;
  const strings = tensor.stringData.reduce((sum, bytes) => sum + bytes.length, 0);
  return strings + (rawByteLength(tensor.dataType, elementsOf(tensor)) ?? 0);
}

/** Elements by the dimensions; a payload that does not fit them is reported where it is read. */
function elementsOf(tensor: Tensor): number {
  return tensor.dims.reduce((product, size) => product * size, 1);
}

/**
 * What counts as parameters: the elements of every initializer, and of Constant nodes that hold several real numbers or
 * quantized codes. Shapes, axes and single numbers in Constant nodes are settings of the operator, and
 * scales and zero points describe a format, so that a quantized model has the parameters of the float one.
 */
function countsAsParameters(constant: ConstantRef, isCodes: boolean): boolean {
  if (constant.kind === 'initializer' || isCodes) return true;
  const { tensor } = constant;
  return (dataTypeFacts(tensor.dataType)?.isFloat ?? false) && elementsOf(tensor) > 1;
}

/** Operators that own no constants: they make one, or look at a shape only. */
const readsNoElements: ReadonlySet<string> = new Set(['Constant', 'Shape', 'Size', 'CastLike']);

const ownsNothing: OwnedConstants = { parameters: 0, bytes: 0, tensors: new Map() };

/**
 * The constants behind a node's inputs. A node that only passes a constant on (DequantizeLinear of a weight, a
 * codebook's Gather) owns nothing: its constants belong to the node that computes with them. Scales of rows that are
 * looked up belong to the look-up of the codes.
 */
export function ownedConstants(index: GraphIndex, ref: NodeRef): OwnedConstants {
  const tensors = new Map<Tensor, Share>();
  const { node, scope } = ref;
  if (!readsNoElements.has(node.opType) && !passesConstantOn(index, ref) && !looksUpParameters(index, ref)) {
    const nbits = operatorKey(node) === 'com.microsoft:MatMulNBits';
    const operator = weightedOperator(node);
    for (const [position, value] of node.input.entries()) {
      const describes = isQuantizationInput(node, position);
      const traced = traceConstant(index, scope, value);
      if (!traced) continue;
      const { tensor } = traced.constant;
      const isCodes = traced.stored.via !== 'float' || operator?.form === 'qlinear';
      const counts = !describes && countsAsParameters(traced.constant, isCodes);
      const isPacked = nbits && position === 1;
      const elements = isPacked ? attrInt(node, 'K', 0) * attrInt(node, 'N', 0) : elementsOf(tensor);
      tensors.set(tensor, { parameters: counts ? elements : 0, bytes: storedBytes(tensor) });
      addSides(tensors, traced);
    }
    const rows = dequantizedRows(index, ref);
    for (const parameters of [rows?.scale, rows?.zeroPoint]) addSides(tensors, parameters);
  }
  if (tensors.size === 0) return ownsNothing;
  let parameters = 0;
  let bytes = 0;
  for (const share of tensors.values()) {
    parameters += share.parameters;
    bytes += share.bytes;
  }
  return { parameters, bytes, tensors };
}

/** Constants that only tell what codes mean: they have bytes, and are no parameters. */
function addSides(tensors: Map<Tensor, Share>, traced: Pick<TracedConstant, 'constants'> | undefined): void {
  for (const { tensor } of traced?.constants ?? []) {
    if (!tensors.has(tensor)) tensors.set(tensor, { parameters: 0, bytes: storedBytes(tensor) });
  }
}

/** True for a node whose output is itself a stored constant in another form. */
function passesConstantOn(index: GraphIndex, { node, scope }: NodeRef): boolean {
  const [output = ''] = node.output;
  return traceConstant(index, scope, output) !== undefined;
}
