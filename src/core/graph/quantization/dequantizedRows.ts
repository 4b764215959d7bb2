import { attrInt } from '../../onnx/attributes';
import type { WeightGranularity } from '../../results';
import type { GraphIndex } from '../graphIndex';
import { operatorKey } from '../operands';
import { traceConstant, type TracedConstant } from '../traceWeight';
import type { NodeRef } from '../types';
import { dequantizeGranularity } from './granularity';
import { isDequantize } from './operators';

/** Scales or zero points of the rows that a Gather looks up. */
export interface RowParameters extends TracedConstant {
  /** True when they are looked up by the positions of the rows; false when they hold for the whole table. */
  readonly perRow: boolean;
}

/**
 * A table of codes whose rows become real numbers after they were looked up, so that the other rows are never computed:
 * Gather(codes) → DequantizeLinear, with one scale or with Gather(scales), maybe through a Flatten.
 */
export interface DequantizedRows {
  readonly dequantize: NodeRef;
  /** undefined: not constant. */
  readonly scale: RowParameters | undefined;
  /** undefined: there is none, or it is not constant. */
  readonly zeroPoint: RowParameters | undefined;
}

/** What makes real numbers of the codes that a Gather looks up; undefined for one that looks up anything else. */
export function dequantizedRows(index: GraphIndex, gather: NodeRef): DequantizedRows | undefined {
  const { node, scope } = gather;
  if (operatorKey(node) !== 'Gather') return undefined;
  const [rows = ''] = node.output;
  const dequantize = index
    .consumers(scope, rows)
    .find((reader) => isDequantize(reader) && reader.node.input[0] === rows);
  return (
    dequantize && {
      dequantize,
      scale: parameters(index, gather, dequantize, 1),
      zeroPoint: parameters(index, gather, dequantize, 2),
    }
  );
}

function parameters(
  index: GraphIndex,
  gather: NodeRef,
  { node, scope }: NodeRef,
  position: number,
): RowParameters | undefined {
  const value = node.input[position] ?? '';
  if (value === '') return undefined;
  const whole = traceConstant(index, scope, value);
  if (whole) return { ...whole, perRow: false };
  const picking = index.producer(scope, value);
  const [, positions] = gather.node.input;
  const isAlike =
    picking?.scope === gather.scope &&
    operatorKey(picking.node) === 'Gather' &&
    picking.node.input[1] === positions &&
    [picking, gather].every((each) => attrInt(each.node, 'axis', 0) === 0);
  const table = isAlike ? traceConstant(index, picking.scope, picking.node.input[0] ?? '') : undefined;
  return picking && table && { ...table, steps: [picking, ...table.steps], perRow: true };
}

/** True for a Gather of nothing but the scales or zero points of rows that another one looks up. */
export function looksUpParameters(index: GraphIndex, { node, scope }: NodeRef): boolean {
  if (operatorKey(node) !== 'Gather') return false;
  const [rows = ''] = node.output;
  const readers = index.consumers(scope, rows);
  return readers.length > 0 && readers.every((each) => isDequantize(each) && each.node.input[0] !== rows);
}

/**
 * Which parts of the table share a scale; null when the scales are not constant.
 * @param dims of the rows that were looked up.
 * @param shape of the table.
 */
export function rowGranularity(
  { dequantize, scale }: DequantizedRows,
  dims: readonly number[],
  shape: readonly number[],
): WeightGranularity | null {
  const tensor = scale?.constant.tensor;
  if (!scale || !tensor) return null;
  if (!scale.perRow) return dequantizeGranularity(dequantize.node, tensor, dims, shape);
  const scales = tensor.dims.reduce((product, size) => product * size, 1);
  if (scales <= (tensor.dims[0] ?? 1)) return { kind: 'per-channel', axis: 0, scales };
  const given = attrInt(dequantize.node, 'block_size', 0);
  const width = Math.ceil((shape[1] ?? 1) / Math.max(1, tensor.dims[1] ?? 1));
  return { kind: 'blocked', axis: 1, blockSize: given || width, scales };
}
