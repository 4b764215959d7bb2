/** Which operators can compute in half precision, and which of their inputs stay float32. */
import { operatorKey } from '../../graph/operands';
import { knownOperators } from '../../graph/knownOperators';
import { normalDomain, subgraphsOf } from '../../onnx/attributes';
import type { Node } from '../../onnx/types';

/**
 * Operators of the default domain that stay float32. First those that ONNX Runtime's and onnxconverter-common's
 * float16 converters leave so by default (their kernels for float16 are missing or inexact), then those whose inputs
 * or outputs cannot be float16 by the ONNX specification, carry sequences, or make random numbers.
 */
const blocked: ReadonlySet<string> = new Set(
  `Constant NonMaxSuppression TopK RoiAlign Resize Range CumSum Min Max Upsample
  Celu BitCast TfIdfVectorizer MelWeightMatrix HannWindow HammingWindow BlackmanWindow EyeLike Bernoulli Multinomial
  RandomNormal RandomNormalLike RandomUniform RandomUniformLike DynamicQuantizeLinear QuantizeLinear DequantizeLinear
  QLinearConv QLinearMatMul ConvInteger MatMulInteger SequenceAt SequenceConstruct SequenceEmpty SequenceErase
  SequenceInsert SequenceLength SequenceMap SplitToSequence ConcatFromSequence Optional OptionalGetElement
  OptionalHasElement DFT STFT Det`.split(/\s+/),
);

/** The first opset in which an operator of the default domain takes float16. */
const since: ReadonlyMap<string, number> = new Map([
  ['IsInf', 20],
  ['Equal', 11],
]);

/** Operators of com.microsoft that take float16 like their float32 inputs. */
const contributed: ReadonlySet<string> = new Set(
  `Attention BiasGelu BiasSplitGelu FastGelu FusedConv FusedGemm FusedMatMul Gelu GroupQueryAttention
  LayerNormalization MultiHeadAttention QuickGelu RotaryEmbedding SimplifiedLayerNormalization SkipLayerNormalization
  SkipSimplifiedLayerNormalization BiasSoftmax BiasAdd`
    .split(/\s+/)
    .map((name) => `com.microsoft:${name}`),
);

/** Operators that ask for the shape of a value only: its type does not matter to them. */
const indifferent: ReadonlySet<string> = new Set(['Shape', 'Size']);

/** @param opset version of the default domain. */
export function canComputeInHalf(node: Node, opset: number): boolean {
  if (subgraphsOf(node).length > 0) return false;
  if (normalDomain(node.domain) !== '') return contributed.has(operatorKey(node));
  if (!knownOperators.has(node.opType) || blocked.has(node.opType)) return false;
  return opset >= (since.get(node.opType) ?? 0);
}

export function ignoresType(node: Node): boolean {
  return normalDomain(node.domain) === '' && indifferent.has(node.opType);
}
