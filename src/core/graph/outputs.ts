import { attrInt, attrInts, normalDomain } from '../onnx/attributes';
import { dataTypeFacts } from '../onnx/dtype';
import type { GraphIndex } from './graphIndex';
import { operatorKey } from './operands';
import type { Dim } from './shapeRules/facts';
import type { Shapes } from './shapes';
import type { NodeRef, OutputDescription, OutputKind, Scope, Shape } from './types';

export type OutputOverrides = Readonly<
  Record<string, { readonly kind: OutputKind; readonly classAxis?: number }>
>;

/** Operators that leave the meaning of their first input as it is. */
const passThrough: ReadonlySet<string> = new Set([
  ...['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Transpose', 'Cast', 'CastLike', 'Dropout'],
  ...['QuantizeLinear', 'DequantizeLinear', 'com.microsoft:QuantizeLinear', 'com.microsoft:DequantizeLinear'],
]);

const probabilities: ReadonlySet<string> = new Set([
  ...['Softmax', 'Sigmoid', 'HardSigmoid', 'com.microsoft:QLinearSoftmax', 'com.microsoft:QLinearSigmoid'],
]);

/** Operators that end a classifier: a matrix product, a 1×1 convolution, or the pooling behind one. */
const scores: ReadonlySet<string> = new Set([
  ...[
    'Gemm',
    'MatMul',
    'Conv',
    'ConvTranspose',
    'GlobalAveragePool',
    'AveragePool',
    'ReduceMean',
    'LogSoftmax',
  ],
  ...['QLinearMatMul', 'QLinearConv', 'MatMulInteger', 'ConvInteger', 'com.microsoft:QGemm'],
  ...[
    'com.microsoft:QLinearGlobalAveragePool',
    'com.microsoft:QLinearAveragePool',
    'com.microsoft:MatMulNBits',
  ],
  ...[
    'com.microsoft:MatMulIntegerToFloat',
    'com.microsoft:DynamicQuantizeMatMul',
    'com.microsoft:FusedMatMul',
  ],
  ...['com.microsoft:FusedGemm', 'com.microsoft:FusedConv'],
]);

/** Operators that add a bias or a temperature to scores, with their two operand positions. */
const withConstant: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['Add', [0, 1]],
  ['Sub', [0, 1]],
  ['Mul', [0, 1]],
  ['Div', [0, 1]],
  ['com.microsoft:QLinearAdd', [0, 3]],
]);

/** Names that tell class scores from other maps and sequences, which end in the same operators. */
const scoreName = /logit|score|class|seg|label/i;

/** Steps followed back from an output. */
const longestTail = 32;

/**
 * What each output of the model means. Softmax and Sigmoid make probabilities. A matrix product, convolution or pooling
 * makes logits when the output is [N, C] with C > 1, ones at the end ignored; maps [N, C, H, W] and sequences [N, L, C]
 * end in the same operators without being scores, so there the name must say so. All else is values.
 * @param overrides wins over what is detected, by output name
 */
export function describeOutputs(
  index: GraphIndex,
  shapes: Shapes,
  overrides: OutputOverrides = {},
): OutputDescription[] {
  const { main } = index;
  const outputs = main && 'initializer' in main.container ? main.container.output : [];
  return outputs.flatMap(({ name }) => {
    if (!main) return [];
    const detected = describe(index, shapes, main, name);
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    if (!override) return [detected];
    const classAxis =
      override.kind === 'values'
        ? undefined
        : (override.classAxis ?? classAxisOf(shapes.of(main, name), undefined));
    return [{ name, kind: override.kind, classAxis }];
  });
}

function describe(index: GraphIndex, shapes: Shapes, main: Scope, name: string): OutputDescription {
  const values: OutputDescription = { name, kind: 'values' };
  const shape = shapes.of(main, name);
  const dtype = shapes.dtypeOf(main, name);
  if (dtype !== 0 && !dataTypeFacts(dtype)?.isFloat) return values;
  const { source, order } = decisiveNode(index, main, name);
  if (!source) return values;
  const key = operatorKey(source.node);
  const classAxis = classAxisOf(
    shape,
    softmaxAxis(index, source, shape, order) ?? turnedAxis(shape, source, order),
  );
  if (probabilities.has(key)) return { name, kind: 'probabilities', classAxis };
  if (!scores.has(key) || classAxis === undefined || !givesClasses(shapes, source, shape?.[classAxis]))
    return values;
  const isTable = meaningfulRank(shape) === 2;
  return isTable || scoreName.test(name) ? { name, kind: 'logits', classAxis } : values;
}

/** False when the classes are not the columns or channels that the node computes: anchors of a detector, flattened maps. */
function givesClasses(shapes: Shapes, { node, scope }: NodeRef, classes: Dim | undefined): boolean {
  const shape = shapes.of(scope, node.output[0] ?? '');
  const isProduct = /MatMul|Gemm/.test(node.opType);
  const width = isProduct || shape?.length === 2 ? shape?.at(-1) : shape?.[1];
  return typeof width !== 'number' || typeof classes !== 'number' || width === classes;
}

interface Tail {
  readonly source?: NodeRef;
  /** The Transpose on the way, when it is the only change of layout. */
  readonly order?: readonly number[];
}

/** The node that gives an output its meaning, behind reshapes, casts, Q/DQ and constant biases. */
function decisiveNode(index: GraphIndex, scope: Scope, output: string): Tail {
  let value = output;
  let order: readonly number[] | undefined;
  let isReshaped = false;
  for (let steps = 0; steps < longestTail; steps++) {
    const source = index.producer(scope, value);
    if (!source) return {};
    const key = operatorKey(source.node);
    const pair = withConstant.get(key);
    if (passThrough.has(key)) {
      if (key === 'Transpose') {
        if (order) isReshaped = true;
        order = attrInts(source.node, 'perm');
      } else if (['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'].includes(key)) isReshaped = true;
      value = source.node.input[0] ?? '';
    } else if (pair) {
      const [first, second] = pair.map((position) => source.node.input[position] ?? '');
      const varying = [first, second].filter((name) => name && !isConstant(index, scope, name));
      if (varying.length !== 1) return {};
      value = varying[0] ?? '';
    } else return { source, order: isReshaped ? undefined : order };
  }
  return {};
}

function isConstant(index: GraphIndex, scope: Scope, value: string): boolean {
  const producer = index.producer(scope, value);
  const stored =
    producer && passThrough.has(operatorKey(producer.node)) ? (producer.node.input[0] ?? '') : value;
  return index.constant(scope, stored) !== undefined;
}

/** The axis that a Softmax names, where it is a single axis (opset 13) and still the output's. */
function softmaxAxis(
  index: GraphIndex,
  { node, scope }: NodeRef,
  shape: Shape | undefined,
  order: readonly number[] | undefined,
): number | undefined {
  const isSoftmax = node.opType === 'Softmax' || node.opType === 'LogSoftmax';
  if (!isSoftmax || normalDomain(node.domain) !== '' || index.opset(scope, '') < 13 || !shape)
    return undefined;
  const axis = attrInt(node, 'axis', -1);
  const position = axis < 0 ? axis + shape.length : axis;
  return order ? order.indexOf(position) : position;
}

/** Where the channels of a convolution went when the output was transposed, as in models that end in NHWC. */
function turnedAxis(
  shape: Shape | undefined,
  { node }: NodeRef,
  order: readonly number[] | undefined,
): number | undefined {
  const isMap = shape && shape.length > 3 && order?.length === shape.length && node.opType.includes('Conv');
  return isMap ? order.indexOf(1) : undefined;
}

/** Dimensions without the ones at the end, at least two (or all there are). */
function meaningfulRank(shape: Shape | undefined): number {
  let rank = shape?.length ?? 0;
  while (rank > 2 && shape?.[rank - 1] === 1) rank--;
  return rank;
}

/** Axis 1 for [N, C] and maps, the last for sequences [N, L, C]; undefined when there is only one class or no axis. */
function classAxisOf(shape: Shape | undefined, told: number | undefined): number | undefined {
  if (!shape) return undefined;
  const rank = meaningfulRank(shape);
  const axis = told !== undefined && told >= 0 && told < shape.length ? told : rank === 3 ? 2 : 1;
  return rank < 2 || shape[axis] === 1 || shape[axis] === 0 ? undefined : axis;
}
