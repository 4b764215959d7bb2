import { attrInt } from '../../onnx/attributes';
import { dataTypeFacts, dtypeName } from '../../onnx/dtype';
import { DataType, type Tensor } from '../../onnx/types';
import type { StoredFormat, WeightGranularity } from '../../results';
import type { GraphIndex } from '../graphIndex';
import { operatorKey, weightedOperator } from '../operands';
import { numericShape } from '../shapeRules/facts';
import type { Shapes } from '../shapes';
import { traceConstant } from '../traceWeight';
import type { Layer, LayerWeight, NodeRef } from '../types';
import { dequantizedRows, rowGranularity } from './dequantizedRows';
import { dequantizeGranularity, factorGranularity, perAxis } from './granularity';
import { integerChain } from './integerChain';
import { isDequantize, isQuantize } from './operators';

/** How a layer's weight is stored, and the constants that hold the numbers of the format. */
export interface WeightFormat {
  readonly stored: StoredFormat;
  readonly scale?: Tensor;
  readonly zeroPoint?: Tensor;
  /** Values of the codebook. */
  readonly table?: Tensor;
}

/** The format of a layer's weight; undefined for plain float32, and without a constant weight. Reads no payload. */
export function weightFormatOf(
  index: GraphIndex,
  shapes: Shapes,
  layer: Pick<Layer, 'ref' | 'weight'>,
): WeightFormat | undefined {
  const { weight, ref } = layer;
  if (!weight) return undefined;
  switch (weight.stored.via) {
    case 'qlinear':
      return integerOperand(index, ref, weight);
    case 'matmulnbits':
      return packedOperand(index, ref, weight);
    default:
      return behindNodes(index, shapes, ref, weight);
  }
}

/** The codes are an operand of an integer operator. */
function integerOperand(index: GraphIndex, ref: NodeRef, weight: LayerWeight): WeightFormat {
  const operator = weightedOperator(ref.node);
  const scale = constantAt(index, ref, operator?.scale) ?? integerChain(index, ref)?.weightScale?.tensor;
  const granularity = scale ? perAxis(scale, channelAxis(ref, weight)) : null;
  return {
    stored: { badge: weight.dtype, via: 'qlinear', granularity, codebook: null },
    scale,
    zeroPoint: constantAt(index, ref, operator?.zeroPoint),
  };
}

/** Where several scales of an integer operator's weight stand: its output channels. */
function channelAxis({ node }: NodeRef, { shape }: LayerWeight): number {
  const isFilter =
    node.opType.includes('Conv') || (node.opType === 'QGemm' && attrInt(node, 'transB', 0) !== 0);
  return isFilter ? 0 : Math.max(0, shape.length - 1);
}

function packedOperand(index: GraphIndex, ref: NodeRef, weight: LayerWeight): WeightFormat {
  const [rows = 0, columns = 0] = weight.shape;
  const blockSize = Math.max(1, attrInt(ref.node, 'block_size', 32));
  const scales = columns * Math.ceil(rows / blockSize);
  const granularity = { kind: 'blocked', axis: 0, blockSize, scales } as const;
  return {
    stored: { badge: weight.dtype, via: 'matmulnbits', granularity, codebook: null },
    scale: constantAt(index, ref, 2),
    zeroPoint: constantAt(index, ref, 3),
  };
}

/** The codes become the operand through DequantizeLinear, Gather from a codebook, Cast, Mul by a scale. */
function behindNodes(
  index: GraphIndex,
  shapes: Shapes,
  ref: NodeRef,
  weight: LayerWeight,
): WeightFormat | undefined {
  const { node, scope } = ref;
  const { via } = weight.stored;
  if (via === 'float' && weight.dtype === 'float') return undefined;
  const traced = traceConstant(index, scope, node.input[weight.inputIndex] ?? '');
  if (!traced) return undefined;
  const codes = traced.constant.tensor;
  if (via === 'float' && !dataTypeFacts(codes.dataType)?.isFloat) {
    const rows = dequantizedRows(index, ref);
    if (rows) {
      const dims = shapeOf(shapes, rows.dequantize, rows.dequantize.node.input[0]) ?? codes.dims;
      const granularity = rowGranularity(rows, dims, weight.shape);
      return {
        stored: { badge: weight.dtype, via: 'dequantize', granularity, codebook: null },
        scale: rows.scale?.constant.tensor,
        zeroPoint: rows.zeroPoint?.constant.tensor,
      };
    }
  }
  if (via === 'dequantize') return dequantized(index, shapes, traced.steps, weight, codes);
  return scaled(index, shapes, traced.steps, weight, codes);
}

function dequantized(
  index: GraphIndex,
  shapes: Shapes,
  steps: readonly NodeRef[],
  weight: LayerWeight,
  codes: Tensor,
): WeightFormat | undefined {
  const dequantize = innermost(steps, isDequantize);
  if (!dequantize) return undefined;
  const scale = constantAt(index, dequantize, 1);
  const dims = shapeOf(shapes, dequantize, dequantize.node.input[0]) ?? codes.dims;
  const granularity = scale ? dequantizeGranularity(dequantize.node, scale, dims, weight.shape) : null;
  // A float weight that is quantized when the model is loaded has the format of its Q/DQ pair.
  const quantize = innermost(steps, isQuantize);
  const badge = quantize ? quantizedType(index, shapes, quantize) : weight.dtype;
  return {
    stored: { badge, via: 'dequantize', granularity, codebook: null },
    scale,
    zeroPoint: constantAt(index, dequantize, 2),
  };
}

/** A codebook, or numbers that are only cast; either may be multiplied by scales. */
function scaled(
  index: GraphIndex,
  shapes: Shapes,
  steps: readonly NodeRef[],
  weight: LayerWeight,
  codes: Tensor,
): WeightFormat {
  const { via } = weight.stored;
  const multiply = innermost(steps, ({ node }) => operatorKey(node) === 'Mul');
  const scale = multiply && (constantAt(index, multiply, 0) ?? constantAt(index, multiply, 1));
  const dims = (multiply && shapeOf(shapes, multiply, multiply.node.output[0])) ?? codes.dims;
  const granularity = scale ? factorGranularity(scale, dims) : null;
  const gather = innermost(steps, ({ node }) => ['Gather', 'GatherElements'].includes(operatorKey(node)));
  const table = gather && constantAt(index, gather, 0);
  if (via !== 'codebook' || !table) {
    return { stored: { badge: weight.dtype, via, granularity, codebook: null }, scale };
  }
  // Several tables stand below one another.
  const entries = table.dims.at(-1) ?? 1;
  const codebook = { entries, bits: dataTypeFacts(codes.dataType)?.bits ?? 8 };
  const parts = codebookGranularity(table, granularity);
  return { stored: { badge: `lut${entries}`, via, granularity: parts, codebook }, scale, table };
}

/** Groups of channels with tables of their own say more than the scales of channels inside them. */
function codebookGranularity({ dims }: Tensor, ofScales: WeightGranularity | null): WeightGranularity {
  const [groups = 1] = dims;
  if (dims.length > 1 && groups > 1) return { kind: 'per-group', groups };
  return ofScales ?? { kind: 'per-tensor' };
}

/** The step nearest to the stored tensor that is of a kind. */
function innermost(steps: readonly NodeRef[], isKind: (step: NodeRef) => boolean): NodeRef | undefined {
  return [...steps].reverse().find(isKind);
}

function shapeOf(shapes: Shapes, { scope }: NodeRef, value = ''): readonly number[] | undefined {
  return numericShape(shapes.of(scope, value));
}

/** Element type that a QuantizeLinear gives; without a zero point it is uint8. */
export function quantizedType(index: GraphIndex, shapes: Shapes, { node, scope }: NodeRef): string {
  const [, , zeroPoint = ''] = node.input;
  const declared = attrInt(node, 'output_dtype', 0);
  const fromZeroPoint = zeroPoint ? index.constant(scope, zeroPoint)?.tensor.dataType : DataType.UINT8;
  return dtypeName(declared || fromZeroPoint || shapes.dtypeOf(scope, node.output[0] ?? ''));
}

/** The constant at an input, also where it is stored in half precision and cast. */
export function constantAt(
  index: GraphIndex,
  { node, scope }: NodeRef,
  position: number | undefined,
): Tensor | undefined {
  const value = position === undefined ? '' : (node.input[position] ?? '');
  if (value === '') return undefined;
  const traced = traceConstant(index, scope, value);
  return traced && ['float', 'cast'].includes(traced.stored.via) ? traced.constant.tensor : undefined;
}
