import { dataTypeFacts, dtypeName } from '../onnx/dtype';
import type { GraphIndex } from './graphIndex';
import { operatorKey } from './operands';
import type { ConstantRef, NodeRef, Scope, StoredWeight } from './types';

/** A constant found behind an operand, and how its stored elements become the operand. */
export interface TracedConstant {
  readonly constant: ConstantRef;
  /** Value name of the stored tensor. */
  readonly value: string;
  readonly stored: StoredWeight;
  /** Stored element type. */
  readonly dtype: string;
  /** Every constant on the way: codes, scales, zero points, codebook. */
  readonly constants: readonly ConstantRef[];
  /** The nodes between the operand and the stored tensor, the operand's producer first. */
  readonly steps: readonly NodeRef[];
}

/** Longest chain of operators followed between an operator and its stored weight; real files have up to five. */
const longestChain = 16;

/**
 * Finds the stored tensor behind an operand: directly constant, or through DequantizeLinear (with or without a
 * QuantizeLinear before it), codebooks (codes → Cast → Gather(codebook) or GatherElements(codebooks) → Mul by a scale), Cast, Transpose, Reshape,
 * Slice and Identity, and through the arguments of a function that is called once.
 * @returns undefined when the operand depends on anything computed from an input.
 */
export function traceConstant(index: GraphIndex, scope: Scope, value: string): TracedConstant | undefined {
  return index.traced(scope, value, follow);
}

function follow(index: GraphIndex, scope: Scope, value: string): TracedConstant | undefined {
  const steps: NodeRef[] = [];
  const constants: ConstantRef[] = [];
  let via: StoredWeight['via'] = 'float';
  let names: Omit<StoredWeight, 'via'> = {};
  let at: { scope: Scope; value: string } = { scope, value };

  for (let length = 0; length < longestChain; length++) {
    const argument = index.argumentOf(at.scope, at.value);
    if (argument) {
      at = argument;
      continue;
    }
    const constant = index.constant(at.scope, at.value);
    if (constant) {
      return {
        constant,
        value: at.value,
        stored: { via, ...names },
        dtype: dtypeName(constant.tensor.dataType),
        constants: [...constants, constant],
        steps,
      };
    }
    const ref = index.producer(at.scope, at.value);
    if (!ref) return undefined;
    const [first = '', second = '', third = ''] = ref.node.input;
    const side = [second, third].flatMap((name) => index.constant(ref.scope, name) ?? []);
    let next = first;
    switch (operatorKey(ref.node)) {
      case 'DequantizeLinear':
      case 'com.microsoft:DequantizeLinear':
        via = 'dequantize';
        names = { ...names, scale: second, ...(third !== '' && { zeroPoint: third }) };
        constants.push(...side);
        break;
      case 'QuantizeLinear':
      case 'com.microsoft:QuantizeLinear':
      case 'Identity':
        break;
      case 'Reshape':
      case 'Squeeze':
      case 'Unsqueeze':
        constants.push(...side);
        break;
      case 'Flatten':
      case 'Transpose':
        break;
      case 'Concat': {
        // Gates of a recurrent weight put in another order: every part is a Slice of one tensor.
        const whole = commonSource(index, ref);
        if (whole === undefined) return undefined;
        next = whole;
        break;
      }
      case 'Slice':
        break;
      case 'Cast':
      case 'CastLike':
        if (via === 'float') via = 'cast';
        break;
      case 'Gather':
      case 'GatherElements': {
        const codebook = index.constant(ref.scope, first);
        // A Gather from a table of more dimensions is an embedding, read at constant positions.
        const rank = ref.node.opType === 'Gather' ? 1 : 2;
        if (codebook?.tensor.dims.length !== rank || !dataTypeFacts(codebook.tensor.dataType)?.isFloat)
          return undefined;
        via = 'codebook';
        names = { ...names, codebook: first };
        constants.push(codebook);
        next = second;
        break;
      }
      case 'Mul': {
        // A per-channel scale of a codebook weight; either operand may be the constant.
        const scaled = index.constant(ref.scope, second) ? first : second;
        const scale = scaled === first ? second : first;
        const scaleTensor = index.constant(ref.scope, scale);
        if (!scaleTensor || index.constant(ref.scope, scaled)) return undefined;
        names = { ...names, scale };
        constants.push(scaleTensor);
        next = scaled;
        break;
      }
      default:
        return undefined;
    }
    steps.push(ref);
    at = { scope: ref.scope, value: next };
  }
  return undefined;
}

/** The value that all inputs of a Concat are slices of, if there is one. */
function commonSource(index: GraphIndex, { node, scope }: NodeRef): string | undefined {
  const sources = new Set(
    node.input.map((value) => {
      const producer = index.producer(scope, value);
      return producer?.node.opType === 'Slice' ? producer.node.input[0] : undefined;
    }),
  );
  const [source] = sources;
  return sources.size === 1 ? source : undefined;
}
