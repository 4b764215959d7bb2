/** Operators whose output has the (broadcast) shape of their inputs. */
import { attrInt } from '../../onnx/attributes';
import { dataTypeFacts } from '../../onnx/dtype';
import { DataType } from '../../onnx/types';
import {
  broadcast,
  type Dim,
  type Facts,
  isNumber,
  type Operation,
  type Rule,
  type Rules,
  unknown,
} from './facts';

const same: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  return [{ dtype, shape }];
};

function mapped(compute: (value: number) => number): Rule {
  return (operation) => {
    const facts = operation.input(0);
    return [{ ...facts, values: facts.values?.map((value) => (isNumber(value) ? compute(value) : null)) }];
  };
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const identity: Rule = (operation) => [operation.input(0)];

function cast(facts: Facts, dtype: number): Facts {
  const toInteger = dtype !== 0 && !dataTypeFacts(dtype)?.isFloat;
  const convert = (value: Dim): Dim => (isNumber(value) && toInteger ? Math.trunc(value) : value);
  return { ...facts, dtype, values: facts.values?.map(convert) };
}

type Combine = (a: number, b: number, isInteger: boolean) => number;

/** One element; `neutral` operands keep a symbol: batch × 1, batch + 0. */
function combine(a: Dim, b: Dim, compute: Combine, isInteger: boolean, neutral: number | undefined): Dim {
  if (isNumber(a) && isNumber(b)) {
    const value = compute(a, b, isInteger);
    return Number.isFinite(value) ? value : null;
  }
  return b === neutral ? a : null;
}

interface Binary {
  readonly compute: Combine;
  /** Right operand that changes nothing. */
  readonly neutral?: number;
  /** Whether the left operand may be the neutral one. */
  readonly commutes?: boolean;
  readonly isTest?: boolean;
}

function binary({ compute, neutral, commutes, isTest }: Binary): Rule {
  return (operation) => {
    const [left, right] = [operation.input(0), operation.input(1)];
    const dtype = isTest ? DataType.BOOL : left.dtype || right.dtype;
    // Before opset 7 the right operand was stretched to the left one, as an attribute said.
    const shape =
      operation.opset > 0 && operation.opset < 7 ? left.shape : broadcast(left.shape, right.shape);
    const [a, b] = [left.values, right.values];
    const sameShape = left.shape?.every((dim, axis) => isNumber(dim) && dim === right.shape?.[axis]);
    const isAligned = a?.length === 1 || b?.length === 1 || (a?.length === b?.length && sameShape);
    if (!a || !b || !shape || !isAligned) return [{ dtype, shape }];
    const isInteger = !dataTypeFacts(left.dtype)?.isFloat;
    const at = (values: readonly Dim[], position: number): Dim =>
      (values.length === 1 ? values[0] : values[position]) ?? null;
    const count = a.length === 1 ? b.length : a.length;
    const values = Array.from({ length: count }, (_, position) => {
      const [first, second] = [at(a, position), at(b, position)];
      const value = combine(first, second, compute, isInteger, neutral);
      return value === null && commutes ? combine(second, first, compute, isInteger, neutral) : value;
    });
    return [{ dtype, shape, values }];
  };
}

const test = (compute: (a: number, b: number) => boolean): Rule =>
  binary({ compute: (a, b) => Number(compute(a, b)), isTest: true });

/** Sum, Mean, Max, Min of any number of inputs. */
function variadic(compute: (values: readonly number[]) => number): Rule {
  return (operation) => {
    const inputs = operation.node.input.map((_, position) => operation.input(position));
    const shape = broadcast(...inputs.map((facts) => facts.shape));
    const scalars = inputs.map(({ values }) => (values?.length === 1 ? values[0] : null));
    const values = shape && shape.length <= 1 && scalars.every(isNumber) ? [compute(scalars)] : undefined;
    return [{ dtype: inputs[0]?.dtype ?? 0, shape, values }];
  };
}

const where: Rule = (operation) => {
  const [condition, yes, no] = [operation.input(0), operation.input(1), operation.input(2)];
  const shape = broadcast(condition.shape, yes.shape, no.shape);
  const dtype = yes.dtype || no.dtype;
  const count = condition.values?.length ?? 0;
  const at = (facts: Facts, position: number): Dim =>
    (facts.values?.length === 1 ? facts.values[0] : facts.values?.[position]) ?? null;
  const fits = [yes, no].every(({ values }) => values && (values.length === count || values.length === 1));
  if (!fits || !shape || shape.length > 1 || count === 0) return [{ dtype, shape }];
  const values = condition.values?.map((chosen, position) =>
    chosen === null ? null : at(chosen ? yes : no, position),
  );
  return [{ dtype, shape, values: shape.length === 0 || shape[0] === count ? values : undefined }];
};

/** Normalizations with statistics as further outputs. */
const batchNormalization: Rule = (operation) => {
  const channels = operation.input(1);
  return [...same(operation), channels, channels, channels, channels];
};

const layerNormalization: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  const axis = attrInt(operation.node, 'axis', -1);
  const from = shape && (axis < 0 ? axis + shape.length : axis);
  const statistics = { dtype: DataType.FLOAT, shape: shape?.map((dim, at) => (at >= (from ?? 0) ? 1 : dim)) };
  return [{ dtype, shape }, statistics, statistics];
};

/** com.microsoft: the sum of input and skip is the fourth output. */
const skipNormalization: Rule = (operation) => {
  const facts = same(operation)[0] ?? unknown;
  return [facts, unknown, unknown, facts];
};

const dropout: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  return [
    { dtype, shape },
    { dtype: operation.opset < 10 ? dtype : DataType.BOOL, shape },
  ];
};

const quotient: Combine = (a, b, isInteger) => (isInteger ? Math.trunc(a / b) : a / b);
const asBool = (operation: Operation): Facts[] => [{ dtype: DataType.BOOL, shape: operation.input(0).shape }];

const sameShape = [
  ...[
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'BitwiseNot',
    'Celu',
    'Clip',
    'Cos',
    'Cosh',
    'CumSum',
    'Elu',
  ],
  ...[
    'Erf',
    'Exp',
    'Gelu',
    'GroupNormalization',
    'HardSigmoid',
    'HardSwish',
    'Hardmax',
    'InstanceNormalization',
  ],
  ...[
    'LRN',
    'LeakyRelu',
    'Log',
    'LogSoftmax',
    'LpNormalization',
    'MeanVarianceNormalization',
    'Mish',
    'PRelu',
  ],
  ...[
    'Reciprocal',
    'Relu',
    'ReverseSequence',
    'RMSNormalization',
    'RotaryEmbedding',
    'ScatterElements',
    'ScatterND',
  ],
  ...[
    'Scatter',
    'Selu',
    'Shrink',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softmax',
    'Softplus',
    'Softsign',
    'Swish',
    'Tan',
  ],
  ...['Tanh', 'TensorScatter', 'ThresholdedRelu', 'Trilu'],
  ...[
    'Gelu',
    'FastGelu',
    'QuickGelu',
    'BiasGelu',
    'QLinearLeakyRelu',
    'QLinearSigmoid',
    'QLinearSoftmax',
  ].map((name) => `com.microsoft:${name}`),
];

const elementwiseBinary: Record<string, Binary> = {
  Add: { compute: (a, b) => a + b, neutral: 0, commutes: true },
  Sub: { compute: (a, b) => a - b, neutral: 0 },
  Mul: { compute: (a, b) => a * b, neutral: 1, commutes: true },
  Div: { compute: quotient, neutral: 1 },
  Pow: { compute: (a, b) => a ** b, neutral: 1 },
  Mod: { compute: (a, b) => a - b * Math.floor(a / b) },
  BitShift: { compute: () => NaN },
  BitwiseAnd: { compute: () => NaN },
  BitwiseOr: { compute: () => NaN },
  BitwiseXor: { compute: () => NaN },
};

/** com.microsoft's integer Add and Mul: A, scale, zero point, B, scale, zero point. */
const quantizedBinary: Rule = (operation) => [
  { dtype: operation.input(0).dtype, shape: broadcast(operation.input(0).shape, operation.input(3).shape) },
];

export const elementwiseRules: Rules = {
  ...Object.fromEntries(sameShape.map((name) => [name, same])),
  ...Object.fromEntries(Object.entries(elementwiseBinary).map(([name, kind]) => [name, binary(kind)])),
  Identity: identity,
  Abs: mapped(Math.abs),
  Ceil: mapped(Math.ceil),
  Floor: mapped(Math.floor),
  Neg: mapped((value) => -value),
  Not: mapped((value) => Number(value === 0)),
  Round: mapped(roundHalfEven),
  Sqrt: mapped(Math.sqrt),
  Cast: (operation) => [cast(operation.input(0), attrInt(operation.node, 'to', 0))],
  CastLike: (operation) => [cast(operation.input(0), operation.input(1).dtype)],
  Equal: test((a, b) => a === b),
  Greater: test((a, b) => a > b),
  GreaterOrEqual: test((a, b) => a >= b),
  Less: test((a, b) => a < b),
  LessOrEqual: test((a, b) => a <= b),
  And: test((a, b) => a !== 0 && b !== 0),
  Or: test((a, b) => a !== 0 || b !== 0),
  Xor: test((a, b) => (a !== 0) !== (b !== 0)),
  IsNaN: asBool,
  IsInf: asBool,
  Sum: variadic((values) => values.reduce((total, value) => total + value, 0)),
  Mean: variadic((values) => values.reduce((total, value) => total + value, 0) / values.length),
  Max: variadic((values) => values.reduce((most, value) => Math.max(most, value))),
  Min: variadic((values) => values.reduce((least, value) => Math.min(least, value))),
  Where: where,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  'com.microsoft:SkipLayerNormalization': skipNormalization,
  'com.microsoft:SkipSimplifiedLayerNormalization': skipNormalization,
  'com.microsoft:QLinearAdd': quantizedBinary,
  'com.microsoft:QLinearMul': quantizedBinary,
};
