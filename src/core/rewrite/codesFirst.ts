import { InputError } from '../errors';
import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import { operatorKey } from '../graph/operands';
import type { ConstantRef, NodeRef } from '../graph/types';
import { attrInt, attrInts } from '../onnx/attributes';
import { makeNode } from '../onnx/build';
import { dataTypeFacts } from '../onnx/dtype';
import { derive } from '../onnx/origin';
import type { Model, Node } from '../onnx/types';
import { GraphChanges } from './graphChanges';
import { BLOCK_OPSET, CONTRIB_DOMAIN, FOUR_BIT_OPSET } from './neededOpset';
import { withAttribute } from './opset/adapter';

/**
 * Lets operators that only arrange or pick elements work on the codes of a weight, before the DequantizeLinear:
 * - Transpose: the runtime computes it once, at load, and fuses DequantizeLinear with what reads it. (The other way round
 *   its transpose optimizer aborts the process when the scales have an axis: ONNX Runtime 1.30.)
 * - Gather from a table of 8 bits: only the rows that are looked up are dequantized, not the whole table at each run.
 *
 * @param before the model that was quantized: the DequantizeLinear nodes that it had stay as they are.
 * @throws InputError for a Transpose of 4-bit codes in an opset that has none.
 */
export function codesFirst(model: Model, before: Model): Model {
  const old = new Set(indexGraph(before).nodes.flatMap(({ node }) => node.output));
  let current = model;
  // A Transpose may wait for the one before it.
  for (let changed = moveOnce(current, old); changed !== current; changed = moveOnce(current, old)) {
    current = changed;
  }
  return current;
}

function moveOnce(model: Model, old: ReadonlySet<string>): Model {
  const index = indexGraph(model);
  const changes = new GraphChanges(model);
  for (const ref of index.nodes) {
    const table = tableOf(index, ref, old);
    const nodes = table && (moves[operatorKey(ref.node)]?.(changes, ref, table) ?? undefined);
    if (nodes) changes.replace(ref.node, ...nodes);
  }
  return changes.apply();
}

/** A stored weight behind a DequantizeLinear. */
interface Table {
  readonly dequantize: Node;
  readonly codes: ConstantRef;
  readonly scale: ConstantRef;
  readonly opset: number;
}

function tableOf(index: GraphIndex, { node, scope }: NodeRef, old: ReadonlySet<string>): Table | undefined {
  if (!Object.hasOwn(moves, operatorKey(node))) return undefined;
  const dequantize = index.producer(scope, node.input[0] ?? '');
  if (!dequantize || old.has(dequantize.node.output[0] ?? '')) return undefined;
  const key = operatorKey(dequantize.node);
  if (key !== 'DequantizeLinear' && key !== `${CONTRIB_DOMAIN}:DequantizeLinear`) return undefined;
  const codes = index.constant(dequantize.scope, dequantize.node.input[0] ?? '');
  const scale = index.constant(dequantize.scope, dequantize.node.input[1] ?? '');
  return codes && scale && { dequantize: dequantize.node, codes, scale, opset: index.opset(scope, '') };
}

/** The nodes that stand for `ref`, or nothing when it stays. */
type Move = (changes: GraphChanges, ref: NodeRef, table: Table) => Node[] | undefined;

const moves: Readonly<Record<string, Move>> = { Transpose: moveTranspose, Gather: moveGather };

function moveTranspose(
  changes: GraphChanges,
  { node }: NodeRef,
  { dequantize, codes, scale, opset }: Table,
): Node[] {
  const rank = codes.tensor.dims.length;
  const order = attrInts(node, 'perm') ?? codes.tensor.dims.map((_, axis) => rank - 1 - axis);
  if (opset < FOUR_BIT_OPSET && dataTypeFacts(codes.tensor.dataType)?.bits === 4) {
    throw new InputError(
      `${node.name}: the 4-bit weight that it transposes needs opset ${FOUR_BIT_OPSET}. Choose 8 bits or a codebook for it.`,
    );
  }
  const isBlocked = scale.tensor.dims.length === rank && rank > 1;
  const nodes: Node[] = [];
  const input = dequantize.input.map((value, position) => {
    if (value === '' || (position > 0 && !isBlocked)) return value;
    const output = changes.fresh(`${value}_Transpose_Output`);
    const name = changes.fresh(`${value}_Transpose`);
    nodes.push(
      makeNode({
        opType: 'Transpose',
        name,
        input: [value],
        output: [output],
        attributes: { perm: { ints: order } },
      }),
    );
    return output;
  });
  const axis = attrInt(dequantize, 'axis', 1);
  const moved = derive(dequantize, { name: node.name, input, output: node.output });
  const hasAxis = scale.tensor.dims.length > 0;
  const result = hasAxis
    ? withAttribute(moved, 'axis', { int: order.indexOf(axis < 0 ? axis + rank : axis) })
    : moved;
  return [...nodes, result];
}

/** Rows of a table of 8 bits: their codes, and their scales and zero points where the rows have their own. */
function moveGather(
  changes: GraphChanges,
  { node }: NodeRef,
  { dequantize, codes, scale, opset }: Table,
): Node[] | undefined {
  const [rows = 0, width = 0, ...rest] = codes.tensor.dims;
  const isBytes = dataTypeFacts(codes.tensor.dataType)?.bits === 8;
  if (!isBytes || rows === 0 || rest.length > 0 || attrInt(node, 'axis', 0) !== 0) return undefined;
  const [, ids = ''] = node.input;
  const nodes: Node[] = [];
  const [codesName = '', ...params] = dequantize.input;
  const add = (opType: string, value: string, input: readonly string[]) => {
    const output = changes.fresh(`${value}_${opType}_Output`);
    nodes.push(makeNode({ opType, name: changes.fresh(`${value}_${opType}`), input, output: [output] }));
    return output;
  };
  const pick = (value: string) => (value === '' ? '' : add('Gather', value, [value, ids]));
  const finish = (
    input: readonly string[],
    attributes: Readonly<Record<string, { readonly int: number }>>,
  ) => [
    ...nodes,
    makeNode({
      opType: 'DequantizeLinear',
      name: changes.fresh(`${node.name}_rows`),
      input,
      output: node.output,
      attributes,
    }),
  ];
  // The Gather of the codes keeps the layer's name.
  const picked = changes.fresh(`${codesName}_Gather_Output`);
  nodes.push(derive(node, { input: [codesName, ids], output: [picked] }));
  if (scale.tensor.dims.reduce((count, size) => count * size, 1) === 1)
    return finish([picked, ...params], {});
  if (opset < BLOCK_OPSET) return undefined;
  const block = attrInt(dequantize, 'block_size', 0);
  if (block > 0)
    return finish([picked, ...params.map(pick)], { axis: { int: -1 }, block_size: { int: block } });
  if (attrInt(dequantize, 'axis', 1) !== 0) return undefined;
  // A row is one block: its scale stands in a column.
  const column = (value: string) => (value === '' ? '' : pick(add('Flatten', value, [value])));
  return finish([picked, ...params.map(column)], { axis: { int: -1 }, block_size: { int: width } });
}
