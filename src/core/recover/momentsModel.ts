import { attrInt } from '../onnx/attributes';
import { floatTensor, int64Tensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../onnx/build';
import { DataType, type Attribute, type Model, type Node, type Tensor } from '../onnx/types';
import { derive } from '../onnx/origin';
import type { Layer } from '../graph/types';
import { type MatrixView, product } from '../calibrate/weightMatrix';

/** Attributes of a Conv that say where its windows stand. */
const windowAttributes: ReadonlySet<string> = new Set([
  'auto_pad',
  'dilations',
  'kernel_shape',
  'pads',
  'strides',
]);

/**
 * A model that sums up the moments of what a layer multiplies its weight with, so that windows of it need not leave the runtime.
 *
 * It is fed `data`, the layer's data operand. Outputs, over the rows of `data`, with G groups of depth K as the view has them:
 * `second` [G, K, K] Σ x̂·x̂ᵀ, `sum` [G, K] Σ x̂, `rows` [1].
 *
 * Windows of a Conv come from a Conv with one filter per element of the window, which is 1 there and 0 elsewhere: strides, pads and
 * dilations mean what they mean in the layer.
 * @param rank of the operand.
 * @param withFloat it is also fed `float`, the operand in the float model, and gives `floatSum` [G, K] Σ x and `cross` [G, K, K] Σ x·x̂ᵀ,
 * which takes as long as `second`.
 */
export function momentsModel(layer: Layer, view: MatrixView, rank: number, withFloat: boolean): Model {
  const operands = withFloat ? ['data', 'float'] : ['data'];
  const parts = operands.map((name) => rowsOf(name, layer, view, rank));
  return sumsOver(
    parts.flatMap((part) => part.nodes),
    parts[0]?.initializers ?? [],
    Array<null>(rank).fill(null),
    withFloat,
  );
}

/** The same fed with rows that were chosen elsewhere: [G, rows, K]. */
export function rowMomentsModel(withFloat: boolean): Model {
  const operands = withFloat ? ['data', 'float'] : ['data'];
  const nodes = operands.map((name) =>
    node('Transpose', [name], [`${name}_rows`], { perm: { ints: [0, 2, 1] } }),
  );
  return sumsOver(nodes, [], [null, null, null], withFloat);
}

/** @param nodes make `data_rows` and `float_rows` [G, K, rows] of the operands. */
function sumsOver(
  nodes: readonly Node[],
  initializers: readonly Tensor[],
  shape: readonly null[],
  withFloat: boolean,
): Model {
  const sums = [
    ...productOf('data_rows', 'data_rows', 'second'),
    node('ReduceSum', ['data_rows', 'row_axis'], ['sum'], { keepdims: { int: 0 } }),
    node('Shape', ['data_rows'], ['rows'], { start: { int: 2 } }),
  ];
  const outputs = ['second', 'sum'];
  if (withFloat) {
    sums.push(
      node('ReduceSum', ['float_rows', 'row_axis'], ['floatSum'], { keepdims: { int: 0 } }),
      ...productOf('float_rows', 'data_rows', 'cross'),
    );
    outputs.push('floatSum', 'cross');
  }
  return makeModel(
    makeGraph({
      name: 'moments',
      input: (withFloat ? ['data', 'float'] : ['data']).map((name) =>
        makeValueInfo(name, DataType.FLOAT, shape),
      ),
      output: [
        ...outputs.map((name) => makeValueInfo(name, DataType.FLOAT)),
        makeValueInfo('rows', DataType.INT64),
      ],
      node: [...nodes, ...sums],
      initializer: [...initializers, int64Tensor('row_axis', [2])],
    }),
    { opset: 17, irVersion: 8 },
  );
}

/** True where samples can follow each other along the first axis of a layer's data operand, to be multiplied as one. */
export function canStackSamples({ ref, weight }: Layer, view: MatrixView, rank: number): boolean {
  if (isSpatial(ref.node)) return true;
  const isRight = weight?.inputIndex !== 0;
  if (ref.node.opType === 'Gemm') return isRight && attrInt(ref.node, 'transA', 0) === 0;
  return view.groups === 1 && (isRight ? rank >= 2 : rank >= 3);
}

function isSpatial({ opType }: Node): boolean {
  return opType === 'Conv' || opType === 'ConvTranspose';
}

interface RowsPart {
  readonly nodes: Node[];
  /** The same for every operand. */
  readonly initializers: Tensor[];
}

/** Nodes that make `${name}_rows` [G, K, rows] of the operand `name`. */
function rowsOf(name: string, layer: Layer, view: MatrixView, rank: number): RowsPart {
  const { groups, depth } = view;
  const made = (step: string) => `${name}_${step}`;
  if (isSpatial(layer.ref.node)) {
    const windows = layer.ref.node.opType === 'Conv' ? windowsOf(layer, view) : undefined;
    return {
      nodes: [
        ...(windows
          ? [derive(windows.node, { input: [name, 'one_hot'], output: [made('windows')] })]
          : [node('Identity', [name], [made('windows')])]),
        node('Reshape', [made('windows'), 'grouped'], [made('grouped')]),
        node('Transpose', [made('grouped')], [made('ordered')], { perm: { ints: [1, 2, 0, 3] } }),
        node('Reshape', [made('ordered'), 'flat'], [made('rows')]),
      ],
      initializers: [
        ...(windows ? [windows.filters] : []),
        int64Tensor('grouped', [0, groups, depth, -1]),
        int64Tensor('flat', [groups, depth, -1]),
      ],
    };
  }
  const { stack, perm } = productAxes(layer, rank);
  return {
    nodes: [
      node('Expand', [name, 'stack'], [made('stacked')]),
      node('Transpose', [made('stacked')], [made('ordered')], { perm: { ints: perm } }),
      node('Reshape', [made('ordered'), 'flat'], [made('rows')]),
    ],
    initializers: [int64Tensor('stack', stack), int64Tensor('flat', [groups, depth, -1])],
  };
}

/**
 * How the data operand of a product is laid out: what it is broadcast to, and the order that puts the axes of the weight's stack
 * first, then the one that is summed over, then all others.
 */
function productAxes(
  { ref, weight }: Layer,
  rank: number,
): { readonly stack: readonly number[]; readonly perm: readonly number[] } {
  const isLeft = weight?.inputIndex === 0;
  const isGemm = ref.node.opType === 'Gemm';
  const transposed = isGemm && attrInt(ref.node, isLeft ? 'transB' : 'transA', 0) !== 0;
  // [rows, depth] where the data stands on the left; so does a vector, on either side.
  const isByRow = rank === 1 || isLeft === transposed;
  const weightStack = isGemm ? [] : (weight?.tensor.dims ?? []).slice(0, -2);
  const total = Math.max(rank, weightStack.length + 2);
  const leading = total - 2;
  const [summed, rows] = isByRow ? [total - 1, total - 2] : [total - 2, total - 1];
  const stackAxes: number[] = [];
  const otherAxes: number[] = [];
  for (let axis = 0; axis < leading; axis++) {
    const size = weightStack[axis - (leading - weightStack.length)] ?? 1;
    (size > 1 ? stackAxes : otherAxes).push(axis);
  }
  return { stack: [...weightStack, 1, 1], perm: [...stackAxes, summed, ...otherAxes, rows] };
}

/** The Conv that gives every element of every window as a channel: in the order of the view's depth. */
function windowsOf(
  { ref, weight }: Layer,
  { groups, depth }: MatrixView,
): { readonly node: Node; readonly filters: Tensor } {
  const kernel = (weight?.tensor.dims ?? []).slice(2);
  const taps = product(kernel);
  const channels = (groups * depth) / taps;
  const filters = new Float32Array(channels * taps * taps);
  for (let filter = 0; filter < channels * taps; filter++) filters[filter * taps + (filter % taps)] = 1;
  const attributes: readonly Attribute[] = ref.node.attribute.filter(({ name }) =>
    windowAttributes.has(name),
  );
  const grouped = node('Conv', [], [], { group: { int: channels } });
  return {
    node: derive(grouped, { attribute: [...grouped.attribute, ...attributes] }),
    filters: floatTensor('one_hot', filters, [channels * taps, 1, ...kernel]),
  };
}

/** a · bᵀ per group. */
function productOf(a: string, b: string, output: string): Node[] {
  const turned = `${output}_turned`;
  return [
    node('Transpose', [b], [turned], { perm: { ints: [0, 2, 1] } }),
    node('MatMul', [a, turned], [output]),
  ];
}

function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Parameters<typeof makeNode>[0]['attributes'] = {},
): Node {
  return makeNode({ opType, input, output, attributes });
}
