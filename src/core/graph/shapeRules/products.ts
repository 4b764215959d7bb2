/** Matrix products, recurrent operators and attention. */
import { attrInt, attrString } from '../../onnx/attributes';
import { DataType } from '../../onnx/types';
import type { Shape } from '../types';
import { broadcast, type Dim, type Operation, type Rule, type Rules } from './facts';

/** NumPy's matmul: vectors are widened and narrowed again, leading dimensions broadcast. */
export function matmulShape(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined;
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  if (!batch) return undefined;
  const rows = a.length > 1 ? [a.at(-2) ?? null] : [];
  const columns = b.length > 1 ? [b.at(-1) ?? null] : [];
  return [...batch, ...rows, ...columns];
}

function matmul(b: number, dtype: (operation: Operation) => number): Rule {
  return (operation) => {
    const flip = (shape: Shape | undefined, attribute: string): Shape | undefined =>
      shape && shape.length > 1 && attrInt(operation.node, attribute, 0) === 1
        ? [...shape.slice(0, -2), shape.at(-1) ?? null, shape.at(-2) ?? null]
        : shape;
    const left = flip(operation.input(0).shape, 'transA');
    const right = flip(operation.input(b).shape, 'transB');
    return [{ dtype: dtype(operation), shape: matmulShape(left, right) }];
  };
}

function gemm(b: number, dtype: (operation: Operation) => number): Rule {
  return (operation) => {
    const { shape: left } = operation.input(0);
    const { shape: right } = operation.input(b);
    const { node } = operation;
    const rows = left?.[attrInt(node, 'transA', 0) === 0 ? 0 : 1] ?? null;
    const columns = right?.[attrInt(node, 'transB', 0) === 0 ? 1 : 0] ?? null;
    return [{ dtype: dtype(operation), shape: [rows, columns] }];
  };
}

const nBits: Rule = (operation) => {
  const { dtype, shape } = operation.input(0);
  return [{ dtype, shape: shape && [...shape.slice(0, -1), attrInt(operation.node, 'N', 0)] }];
};

/** LSTM, GRU, RNN: Y and the last hidden (and cell) states. */
const recurrent: Rule = (operation) => {
  const { node } = operation;
  const { dtype, shape } = operation.input(0);
  const hidden: Dim = attrInt(node, 'hidden_size', 0) || (operation.input(2).shape?.[2] ?? null);
  const directions = attrString(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const batchFirst = attrInt(node, 'layout', 0) === 1;
  const batch = shape?.[batchFirst ? 0 : 1] ?? null;
  const steps = shape?.[batchFirst ? 1 : 0] ?? null;
  const all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  return [
    { dtype, shape: all },
    { dtype, shape: last },
    { dtype, shape: last },
  ];
};

/** Attention of opset 23: Y has the layout of Q and the value size of V. */
const attention: Rule = (operation) => {
  const { dtype, shape: query } = operation.input(0);
  const { shape: value } = operation.input(2);
  if (query?.length === 4) return [{ dtype, shape: [...query.slice(0, 3), value?.[3] ?? null] }];
  const heads = attrInt(operation.node, 'q_num_heads', 0);
  const valueHeads = attrInt(operation.node, 'kv_num_heads', 0);
  const size = value?.[2];
  const width = typeof size === 'number' && valueHeads > 0 ? (size / valueHeads) * heads : null;
  return [{ dtype, shape: query?.length === 3 ? [...query.slice(0, 2), width] : undefined }];
};

/** Explicit equations without an ellipsis; others are unknown. */
const einsum: Rule = (operation) => {
  const { dtype } = operation.input(0);
  const [inputs = '', output] = attrString(operation.node, 'equation', '').replaceAll(' ', '').split('->');
  if (output === undefined || inputs.includes('.')) return [{ dtype }];
  const sizes = new Map<string, Dim>();
  for (const [position, labels] of inputs.split(',').entries()) {
    const { shape } = operation.input(position);
    if (shape?.length !== labels.length) continue;
    for (const [axis, label] of [...labels].entries()) {
      const dim = shape[axis] ?? null;
      const before = sizes.get(label);
      if (before === undefined || before === 1 || typeof before !== 'number')
        sizes.set(label, dim ?? before ?? null);
    }
  }
  return [{ dtype, shape: [...output].map((label) => sizes.get(label) ?? null) }];
};

const same = (operation: Operation): number => operation.input(0).dtype;
const float = (): number => DataType.FLOAT;

export const productRules: Rules = {
  MatMul: matmul(1, same),
  MatMulInteger: matmul(1, () => DataType.INT32),
  QLinearMatMul: matmul(3, (operation) => operation.input(7).dtype),
  'com.microsoft:FusedMatMul': matmul(1, same),
  'com.microsoft:MatMulIntegerToFloat': matmul(1, float),
  'com.microsoft:DynamicQuantizeMatMul': matmul(1, float),
  'com.microsoft:MatMulNBits': nBits,
  Gemm: gemm(1, same),
  'com.microsoft:FusedGemm': gemm(1, same),
  'com.microsoft:QGemm': gemm(3, (operation) =>
    operation.has(8) ? operation.input(8).dtype : DataType.FLOAT,
  ),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  'com.microsoft:DynamicQuantizeLSTM': recurrent,
  Attention: attention,
  Einsum: einsum,
};
