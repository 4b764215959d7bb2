/** The parts of a model that say float16, and what they say in float32. */
import { InputError } from '../../errors';
import { normalDomain } from '../../onnx/attributes';
import { floatTensor } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import { inlineFloats, readFloat32 } from '../../onnx/tensor';
import {
  type Attribute,
  DataType,
  type Node,
  type Tensor,
  type TensorType,
  type Type,
  type ValueInfo,
} from '../../onnx/types';
import { lazyFloatTensor } from '../lazyTensor';

/** `elements` with each replaced by `map`; the same array when all stayed the same objects. */
export function mapSame<T>(elements: readonly T[], map: (element: T) => T): readonly T[] {
  const next = elements.map(map);
  return next.some((element, position) => element !== elements[position]) ? next : elements;
}

export function isHalf({ dataType }: Tensor): boolean {
  return dataType === (DataType.FLOAT16 as number);
}

export function typeHasHalf(type: Type | undefined): boolean {
  return type !== undefined && widenType(type) !== type;
}

export function widenValue(value: ValueInfo): ValueInfo {
  const type = value.type && widenType(value.type);
  return type === value.type ? value : derive(value, { type });
}

/** Sequences and optionals included. */
function widenType(type: Type): Type {
  const tensorType = widenTensorType(type.tensorType);
  const sparseTensorType = widenTensorType(type.sparseTensorType);
  const sequence = type.sequenceType?.elemType;
  const optional = type.optionalType?.elemType;
  const wideSequence = sequence && widenType(sequence);
  const wideOptional = optional && widenType(optional);
  const isSame =
    tensorType === type.tensorType &&
    sparseTensorType === type.sparseTensorType &&
    wideSequence === sequence &&
    wideOptional === optional;
  if (isSame) return type;
  return derive(type, {
    tensorType,
    sparseTensorType,
    ...(wideSequence !== sequence && { sequenceType: { elemType: wideSequence } }),
    ...(wideOptional !== optional && { optionalType: { elemType: wideOptional } }),
  });
}

function widenTensorType(type: TensorType | undefined): TensorType | undefined {
  return type?.elemType === (DataType.FLOAT16 as number) ? derive(type, { elemType: DataType.FLOAT }) : type;
}

/** Attributes that hold an element type. */
const typeAttributes: ReadonlySet<string> = new Set([
  'to',
  'dtype',
  'output_dtype',
  'output_datatype',
  'stash_type',
]);

/** True for an attribute that `widenAttribute` changes. */
export function attributeHasHalf(node: Node, held: Attribute): boolean {
  if (isTypeAttribute(node, held)) return held.i === BigInt(DataType.FLOAT16);
  return widenAttribute(node, held) !== held;
}

/**
 * An attribute that names float16, or holds a float16 tensor, in float32; any other as it is. Constants are not for
 * this: they stay float16.
 * @param node that has the attribute; undefined for a function's default.
 * @throws InputError naming the node, when only a caller knows the type or the bits themselves are meant.
 */
export function widenAttribute(node: Node | undefined, held: Attribute): Attribute {
  if (node && isTypeAttribute(node, held)) {
    if (held.refAttrName !== '') {
      throw new InputError(
        `The node "${node.name}" (${node.opType}) takes its type from the caller of a function: Roundoff cannot make it float32.`,
      );
    }
    if (held.i !== BigInt(DataType.FLOAT16)) return held;
    if (node.opType === 'BitCast') {
      throw new InputError(
        `The node "${node.name}" (BitCast) reads bits as float16, which has no form in float32.`,
      );
    }
    return derive(held, { i: BigInt(DataType.FLOAT) });
  }
  const t = held.t && widenTensor(held.t);
  const tensors = mapSame(held.tensors, widenTensor);
  const tp = held.tp && widenType(held.tp);
  const typeProtos = mapSame(held.typeProtos, widenType);
  if (t === held.t && tp === held.tp && tensors === held.tensors && typeProtos === held.typeProtos)
    return held;
  return derive(held, { t, tp, tensors, typeProtos });
}

function isTypeAttribute({ domain, opType }: Node, { name }: Attribute): boolean {
  if (!['', 'com.microsoft'].includes(normalDomain(domain)) || !typeAttributes.has(name)) return false;
  return name !== 'to' || ['Cast', 'BitCast'].includes(opType);
}

/** float32 for a tensor that an attribute holds: a fill value mostly, so the file hardly grows. */
function widenTensor(tensor: Tensor): Tensor {
  if (!isHalf(tensor)) return tensor;
  const values = inlineFloats(tensor);
  return values
    ? floatTensor(tensor.name, values, tensor.dims)
    : lazyFloatTensor(tensor.name, tensor.dims, () => readFloat32(tensor));
}
