import { attrInt } from '../onnx/attributes';
import { DataType, type Model } from '../onnx/types';
import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import { findRows } from '../graph/layers';
import { isQuantizationInput, operatorKey } from '../graph/operands';
import { outputFormat } from '../graph/quantization/activationFormats';
import { integerChain } from '../graph/quantization/integerChain';
import { changesFormat, isDequantize, isQuantize } from '../graph/quantization/operators';
import { inferShapes, type Shapes } from '../graph/shapes';
import type { Layer, NodeRef, Scope } from '../graph/types';
import { inlineFloats } from '../onnx/tensor';

const floatTypes: ReadonlySet<number> = new Set<number>([
  DataType.FLOAT,
  DataType.FLOAT16,
  DataType.BFLOAT16,
  DataType.DOUBLE,
]);

/** Operators that stand for each other in float and quantized models, by the name they share. */
const families: Readonly<Record<string, string>> = {
  ConvInteger: 'Conv',
  Gemm: 'MatMul',
  MatMulInteger: 'MatMul',
  Clip: 'Relu',
  ReduceMean: 'GlobalAveragePool',
  'com.microsoft:FusedConv': 'Conv',
  'com.microsoft:FusedGemm': 'MatMul',
  'com.microsoft:FusedMatMul': 'MatMul',
  'com.microsoft:QGemm': 'MatMul',
  'com.microsoft:MatMulNBits': 'MatMul',
  'com.microsoft:MatMulIntegerToFloat': 'MatMul',
  'com.microsoft:DynamicQuantizeMatMul': 'MatMul',
  'com.microsoft:DynamicQuantizeLSTM': 'LSTM',
  'com.microsoft:QAttention': 'com.microsoft:Attention',
  'com.microsoft:QLinearReduceMean': 'GlobalAveragePool',
};

const codeTypes = ['uint8', 'int8', 'uint16', 'int16'] as const;

/** What integers that stand for a value mean: x = (code − zeroPoint) · scale. */
export interface CodeFormat {
  readonly type: (typeof codeTypes)[number];
  readonly scale: number;
  readonly zeroPoint: number;
}

/** One of two compared models: its main graph, in which nodes that only change a value's format are seen through. */
export class GraphSide {
  readonly index: GraphIndex;
  readonly shapes: Shapes;
  readonly main: Scope | undefined;
  /** Every layer by its node. */
  readonly layers: ReadonlyMap<NodeRef, Layer>;
  private readonly variable = new Set<string>();

  constructor(
    readonly model: Model,
    dimensions: Readonly<Record<string, number>> = {},
  ) {
    this.index = indexGraph(model);
    this.shapes = inferShapes(this.index, dimensions);
    this.main = this.index.main;
    this.layers = new Map(findRows(this.index, this.shapes).layers.map((layer) => [layer.ref, layer]));
    this.findVariable();
  }

  /** Nodes of the main graph, each after those it needs. */
  get nodes(): readonly NodeRef[] {
    return this.main ? this.index.sortedNodes(this.main) : [];
  }

  get inputs(): readonly string[] {
    const { main, index } = this;
    return (this.model.graph?.input ?? []).flatMap(({ name }) =>
      main && index.isInput(main, name) ? name : [],
    );
  }

  get outputs(): readonly string[] {
    return (this.model.graph?.output ?? []).map(({ name }) => name);
  }

  /** True for a value that depends on what the model is fed. */
  isVariable(value: string): boolean {
    return this.variable.has(value);
  }

  producer(value: string): NodeRef | undefined {
    return this.main && this.index.producer(this.main, value);
  }

  /** True for a node that gives its first input in another format, and nothing else. */
  isFormat(ref: NodeRef): boolean {
    if (changesFormat(ref)) return true;
    const { node, scope } = ref;
    const key = operatorKey(node);
    if (key === 'Identity' || key === 'Dropout') return true;
    if (key !== 'Cast' || !floatTypes.has(attrInt(node, 'to', 0))) return false;
    const from: number = this.shapes.dtypeOf(scope, node.input[0] ?? '');
    return from === (DataType.UNDEFINED as number) || floatTypes.has(from);
  }

  /** The value behind `value` before any change of format. */
  root(value: string): string {
    let at = value;
    for (let ref = this.producer(at); ref && this.isFormat(ref); ref = this.producer(at))
      at = ref.node.input[0] ?? '';
    return at;
  }

  /** The nodes that read a value in any format, those inside subgraphs too. */
  readers(value: string): NodeRef[] {
    if (!this.main) return [];
    return this.index.consumers(this.main, value).flatMap((ref) => {
      if (ref.scope !== this.main || !this.isFormat(ref)) return [ref];
      return ref.node.input[0] === value ? this.readers(ref.node.output[0] ?? '') : [];
    });
  }

  /** True when the model gives the value out in any format. */
  isOutput(value: string): boolean {
    return this.outputs.some((output) => this.root(output) === value);
  }

  /** What readers of a root see: the value behind its first Q/DQ pair, or the value itself. */
  seen(root: string): string {
    const { main, index } = this;
    if (!main) return root;
    const quantize = index.consumers(main, root).find((ref) => ref.scope === main && isQuantize(ref));
    const codes = quantize?.node.output[0] ?? root;
    const dequantize = index.consumers(main, codes).find((ref) => ref.scope === main && isDequantize(ref));
    return dequantize?.node.output[0] ?? root;
  }

  /** What the integers of a value mean that a quantized operator computes; undefined for real numbers and unknown scales. */
  codesOf(value: string): CodeFormat | undefined {
    const ref = this.producer(value);
    const format = ref && outputFormat(this.index, this.shapes, ref);
    if (!format?.scale || format.value !== value) return undefined;
    const [scale, ...others] = inlineFloats(format.scale) ?? [];
    const [zeroPoint = 0] = (format.zeroPoint && inlineFloats(format.zeroPoint)) ?? [];
    const type = codeTypes.find((name) => name === format.dtype);
    return scale === undefined || others.length > 0 || !type ? undefined : { type, scale, zeroPoint };
  }

  /** True for a value of real numbers, as far as is known. */
  isReal(value: string): boolean {
    const type: number = this.main ? this.shapes.dtypeOf(this.main, value) : DataType.UNDEFINED;
    return type === (DataType.UNDEFINED as number) || floatTypes.has(type);
  }

  /** True for a value whose real numbers are known: it has them, or codes of a known scale. */
  isReadable(value: string): boolean {
    return this.isReal(value) || this.codesOf(value) !== undefined;
  }

  /** Roots of the variable values that a node computes with, in their order. */
  dataInputs({ node }: NodeRef): string[] {
    return node.input.flatMap((value, position) =>
      this.isVariable(value) && !isQuantizationInput(node, position) ? [this.root(value)] : [],
    );
  }

  /** The value that a node gives, of integer products the scaled one. */
  result(ref: NodeRef): string {
    return integerChain(this.index, ref)?.output ?? ref.node.output[0] ?? '';
  }

  private findVariable(): void {
    for (const value of this.inputs) this.variable.add(value);
    for (const ref of this.nodes) {
      const { node } = ref;
      const isRandom = node.opType.startsWith('Random') || node.opType === 'Multinomial';
      // Its second input gives it a type and no value.
      const read = node.opType === 'CastLike' ? node.input.slice(0, 1) : this.index.reads(ref);
      if (!isRandom && !read.some((value) => this.variable.has(value))) continue;
      for (const value of node.output) if (value !== '') this.variable.add(value);
    }
  }
}

/** One name for an operator and those that stand for it. */
export function familyOf({ node }: NodeRef): string {
  const key = operatorKey(node);
  return families[key] ?? key.replace(/^com\.microsoft:QLinear|^QLinear/, '');
}
