/** If, Loop, Scan: subgraphs inside a node. */
import { attrInt, attrInts } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import { axisOf, type Dim, type Facts, join, type Operation, type Rule, type Rules, unknown } from './facts';

const choose: Rule = (operation) => {
  const condition = operation.input(0).values?.[0];
  // Both are visited, so that the inside of the branch not taken has shapes too.
  const yes = operation.subgraph('then_branch', []);
  const no = operation.subgraph('else_branch', []);
  if (condition === 0) return no;
  if (condition === 1) return yes;
  return operation.node.output.map((_, position) => join(yes[position] ?? unknown, no[position] ?? unknown));
};

const withoutValues = ({ dtype, shape }: Facts): Facts => ({ dtype, shape });

/**
 * Facts of carried values that hold in every iteration: those that come out as they went in; the others widen.
 * One more round suffices, as a dimension can only become unknown and a second change finds the rank alone to lose.
 */
function settle(
  initial: readonly Facts[],
  step: (state: readonly Facts[]) => readonly Facts[],
): { state: readonly Facts[]; outputs: readonly Facts[] } {
  let state = initial.map(withoutValues);
  let outputs = step(state);
  for (let round = 0; round < 2; round++) {
    const next = state.map((facts, position) => join(facts, outputs[position] ?? unknown));
    if (JSON.stringify(next) === JSON.stringify(state)) break;
    state = next;
    outputs = step(state);
  }
  return { state, outputs };
}

function carriedInputs(operation: Operation, from: number, count = Infinity): Facts[] {
  return operation.node.input
    .map((_, position) => operation.input(position))
    .slice(from, count === Infinity ? undefined : from + count);
}

const loop: Rule = (operation) => {
  const counter: Facts = { dtype: DataType.INT64, shape: [] };
  const proceed: Facts = { dtype: DataType.BOOL, shape: [] };
  const { state, outputs } = settle(carriedInputs(operation, 2), (current) =>
    operation.subgraph('body', [counter, proceed, ...current]).slice(1),
  );
  const collected = outputs
    .slice(state.length)
    .map(({ dtype, shape }): Facts => ({ dtype, shape: shape && [null, ...shape] }));
  return [...state.map((facts, position) => join(facts, outputs[position] ?? unknown)), ...collected];
};

const scan: Rule = (operation) => {
  const { node, opset } = operation;
  const scanned = attrInt(node, 'num_scan_inputs', 1);
  const carried = node.input.length - scanned;
  if (carried < 0 || opset < 9) return [];
  const axes = attrInts(node, 'scan_input_axes') ?? [];
  const outputAxes = attrInts(node, 'scan_output_axes') ?? [];
  let steps: Dim = null;
  const slices = carriedInputs(operation, carried).map(({ dtype, shape }, position): Facts => {
    const axis = shape && axisOf(axes[position] ?? 0, shape.length);
    steps ??= axis === undefined ? null : (shape?.[axis] ?? null);
    return { dtype, shape: shape?.filter((_, at) => at !== axis) };
  });
  const { state, outputs } = settle(carriedInputs(operation, 0, carried), (current) =>
    operation.subgraph('body', [...current, ...slices]),
  );
  const collected = outputs.slice(carried).map(({ dtype, shape }, position): Facts => {
    const axis = shape && axisOf(outputAxes[position] ?? 0, shape.length + 1);
    return { dtype, shape: axis === undefined ? undefined : shape?.toSpliced(axis, 0, steps) };
  });
  return [...state, ...collected];
};

export const controlRules: Rules = { If: choose, Loop: loop, Scan: scan };
