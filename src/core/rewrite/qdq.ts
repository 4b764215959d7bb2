import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import { bytesOf, makeNode, makeTensor } from '../onnx/build';
import { dataTypeFacts } from '../onnx/dtype';
import { MemoryPayload, type Payload } from '../onnx/payload';
import { DataType, type Node, type Tensor } from '../onnx/types';
import { integerType } from '../quant/integerTypes';
import type { IntegerTypeName, QuantParams, Range, StaticType } from '../quant/scheme';
import type { SummedAxis } from './floatIslands';
import type { GraphChanges } from './graphChanges';
import { qdqDomain } from './neededOpset';
import { defaultOpset } from './opset';
import type { QuantizedTensor } from './placement';

/** Names of the initializers that hold a scale and a zero point, and the type of the codes. */
export interface ParamNames {
  readonly type: StaticType;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** A constant that is stored quantized. */
export interface StoredConstant {
  readonly codes: {
    readonly dataType: DataType;
    readonly dims: readonly number[];
    readonly payload: Payload;
  };
  readonly scales: readonly number[];
  readonly zeroPoints: { readonly dataType: DataType; readonly values: readonly number[] };
  /** Axis of the scales; undefined: one scale. */
  readonly axis: number | undefined;
}

/**
 * Puts QuantizeLinear and DequantizeLinear nodes into a graph, with the names that ONNX Runtime's tool gives, so that
 * scripts made for its models work on ours.
 */
export class QdqWriter {
  private readonly inputs = new Map<Node, Map<number, string>>();
  private readonly outputs = new Map<Node, Map<number, string>>();
  /** Removed Relu or Clip → the node that computes its output now. */
  private readonly absorbed = new Map<NodeRef, NodeRef>();
  private readonly opset: number;
  private usesContrib = false;
  /** Type and value → name of its codes. */
  private readonly codes = new Map<string, string>();

  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly changes: GraphChanges,
  ) {
    this.opset = defaultOpset(index.model.opsetImport) ?? 0;
  }

  /** True when nodes of com.microsoft were added: the model must import it. */
  get needsContrib(): boolean {
    return this.usesContrib;
  }

  /** Adds `T_scale` and `T_zero_point` for an activation; `suffix` follows these names. */
  addParams(value: string, { scale, zeroPoint }: QuantParams, type: StaticType, suffix = ''): ParamNames {
    const names = {
      type,
      scale: this.changes.fresh(`${value}_scale${suffix}`),
      zeroPoint: this.changes.fresh(`${value}_zero_point${suffix}`),
    };
    this.changes.addInitializer(floats(names.scale, [scale]));
    this.changes.addInitializer(integers(names.zeroPoint, integerType(type).dataType, [zeroPoint]));
    return names;
  }

  /**
   * Removes a Relu or Clip that the quantized range performs: its producer computes its output.
   * To be called before the pair is added.
   */
  absorb(clip: NodeRef, producer: NodeRef): void {
    this.absorbed.set(clip, producer);
    this.changes.replace(clip.node);
    setAt(this.outputs, producer.node, 0, clip.node.output[0] ?? '');
  }

  /**
   * Puts Q/DQ pairs on a tensor: one on the tensor itself when a static node computes it, which everything reads; and one for
   * each other type that static layers read it in, which only they do.
   * A value whose name others know (graph outputs, values that subgraphs read) keeps its name behind its pair.
   */
  addPairs(tensor: QuantizedTensor, paramsIn: (type: StaticType) => ParamNames): void {
    const { value, computedAs } = tensor;
    const writer = this.index.producer(this.main, value);
    const producer = writer && (this.absorbed.get(writer) ?? writer);
    const place = (nodes: readonly Node[]) => {
      if (producer) this.changes.insertAfter(producer.node, ...nodes);
      else this.changes.insertFirst(...nodes);
    };
    let source = value;
    if (computedAs) {
      const known = producer && this.isKnown(value);
      const input = known ? this.changes.fresh(`${value}_QuantizeLinear_Input`) : value;
      source = known ? value : this.changes.fresh(`${value}_DequantizeLinear_Output`);
      place(this.makePair(value, value, input, source, paramsIn(computedAs)));
      if (known)
        setAt(
          this.outputs,
          producer.node,
          writer === producer ? producer.node.output.indexOf(value) : 0,
          input,
        );
      else for (const { node } of this.index.consumers(this.main, value)) this.rewire(node, value, source);
    }
    let base = computedAs ? `${value}_convert` : value;
    for (const type of tensor.readers.keys()) {
      if (type === computedAs) continue;
      const result = this.changes.fresh(`${base}_DequantizeLinear_Output`);
      place(this.makePair(value, base, source, result, paramsIn(type)));
      for (const { node } of tensor.readers.get(type) ?? []) this.rewire(node, value, result);
      base = `${value}_convert`;
    }
  }

  /**
   * Lets an input of a node read the codes of a pair through a DequantizeLinear of its own, with the scale once for each slice
   * of an axis.
   */
  readPerSlice(
    reader: NodeRef,
    position: number,
    type: StaticType,
    { scale, zeroPoint }: QuantParams,
    { axis, size }: SummedAxis,
  ): void {
    const value = reader.node.input[position] ?? '';
    const codes = this.codes.get(`${type} ${value}`);
    if (codes === undefined) return;
    const names = {
      scale: this.changes.fresh(`${value}_scales`),
      zeroPoint: this.changes.fresh(`${value}_zero_points`),
    };
    this.changes.addInitializer(floats(names.scale, new Array<number>(size).fill(scale), [size]));
    const zeroPoints = new Array<number>(size).fill(zeroPoint);
    this.changes.addInitializer(integers(names.zeroPoint, integerType(type).dataType, zeroPoints, [size]));
    const result = this.changes.fresh(`${value}_DequantizeLinear_Output`);
    const dequantize = makeNode({
      opType: 'DequantizeLinear',
      domain: this.domainFor(integerType(type).bits, true),
      name: this.changes.fresh(`${value}_DequantizeLinear`),
      input: [codes, names.scale, names.zeroPoint],
      output: [result],
      attributes: { axis: { int: axis } },
    });
    this.changes.insertBefore(reader.node, dequantize);
    this.setInput(reader.node, position, result);
  }

  private isKnown(value: string): boolean {
    const readers = this.index.consumers(this.main, value);
    return this.index.isOutput(this.main, value) || readers.some(({ scope }) => scope !== this.main);
  }

  private makePair(value: string, name: string, source: string, result: string, params: ParamNames): Node[] {
    const codes = this.changes.fresh(`${name}_QuantizeLinear_Output`);
    const domain = this.domainFor(integerType(params.type).bits, false);
    this.codes.set(`${params.type} ${value}`, codes);
    const node = (opType: string, input: string, output: string) =>
      makeNode({
        opType,
        domain,
        name: this.changes.fresh(`${name}_${opType}`),
        input: [input, params.scale, params.zeroPoint],
        output: [output],
      });
    return [node('QuantizeLinear', source, codes), node('DequantizeLinear', codes, result)];
  }

  /**
   * Stores a constant as codes with a DequantizeLinear node before `reader`, or first of all, for several readers.
   * @returns the value name to read instead: for a bias that nothing else reads its own, as the tool does.
   */
  addConstant(value: string, reader: NodeRef | 'several', stored: StoredConstant): string {
    const { codes, scales, zeroPoints, axis } = stored;
    const codesName = this.changes.fresh(`${value}_quantized`);
    const isBias = codes.dataType === DataType.INT32;
    // The tool names a bias's parameters after its codes, a weight's after the weight.
    const base = isBias ? `${value}_quantized` : value;
    const scaleName = this.changes.fresh(`${base}_scale`);
    const zeroPointName = this.changes.fresh(`${base}_zero_point`);
    const keepsName = isBias && reader !== 'several' && this.isOnlyReadBy(value, reader);
    if (keepsName) this.removeConstant(value);
    const result = keepsName ? value : this.changes.fresh(`${value}_DequantizeLinear_Output`);
    const paramDims = axis === undefined ? [] : [scales.length];
    this.changes.addInitializer(makeTensor(codesName, codes.dataType, codes.dims, codes.payload));
    this.changes.addInitializer(floats(scaleName, scales, paramDims));
    this.changes.addInitializer(integers(zeroPointName, zeroPoints.dataType, zeroPoints.values, paramDims));
    const bits = dataTypeFacts(codes.dataType)?.bits ?? 8;
    const dequantize = makeNode({
      opType: 'DequantizeLinear',
      domain: this.domainFor(bits, axis !== undefined),
      name: this.changes.fresh(`${value}_DequantizeLinear`),
      input: [codesName, scaleName, zeroPointName],
      output: [result],
      attributes: axis === undefined ? {} : { axis: { int: axis } },
    });
    if (reader === 'several') this.changes.insertFirst(dequantize);
    else this.changes.insertBefore(reader.node, dequantize);
    return result;
  }

  private domainFor(bits: number, hasAxis: boolean): string {
    const domain = qdqDomain(this.opset, bits, hasAxis);
    this.usesContrib ||= domain !== '';
    return domain;
  }

  private isOnlyReadBy(value: string, reader: NodeRef): boolean {
    const consumers = this.index.consumers(this.main, value);
    return consumers.every((consumer) => consumer === reader) && !this.index.isOutput(this.main, value);
  }

  private removeConstant(value: string): void {
    const producer = this.index.producer(this.main, value);
    if (producer) this.changes.replace(producer.node);
    else this.changes.removeInitializer(value);
  }

  /** Lets input `position` of a node read another value. */
  setInput(node: Node, position: number, value: string): void {
    setAt(this.inputs, node, position, value);
  }

  private rewire(node: Node, from: string, to: string): void {
    node.input.forEach((input, position) => {
      if (input === from) this.setInput(node, position, to);
    });
  }

  /** Hands the collected edits of nodes to the changes. */
  finish(): void {
    for (const clip of this.absorbed.keys()) {
      this.inputs.delete(clip.node);
      this.outputs.delete(clip.node);
    }
    for (const node of new Set([...this.inputs.keys(), ...this.outputs.keys()])) {
      const inputs = this.inputs.get(node);
      const outputs = this.outputs.get(node);
      this.changes.edit(node, {
        ...(inputs && { input: node.input.map((name, position) => inputs.get(position) ?? name) }),
        ...(outputs && { output: node.output.map((name, position) => outputs.get(position) ?? name) }),
      });
    }
  }
}

function setAt(edits: Map<Node, Map<number, string>>, node: Node, position: number, name: string): void {
  const own = edits.get(node) ?? new Map<number, string>();
  edits.set(node, own.set(position, name));
}

/** True when quantizing to `params` clips at least as tightly as `bounds`, within half a step. */
export function clipsWithin(params: QuantParams, type: IntegerTypeName, bounds: Range): boolean {
  const { min, max } = integerType(type);
  const half = params.scale / 2;
  const lowest = (min - params.zeroPoint) * params.scale;
  const highest = (max - params.zeroPoint) * params.scale;
  return lowest >= bounds.min - half && highest <= bounds.max + half;
}

function floats(name: string, values: readonly number[], dims: readonly number[] = []): Tensor {
  return makeTensor(name, DataType.FLOAT, dims, new Uint8Array(Float32Array.from(values).buffer));
}

function integers(
  name: string,
  dataType: DataType,
  values: readonly number[],
  dims: readonly number[] = [],
): Tensor {
  return makeTensor(name, dataType, dims, new MemoryPayload(bytesOf(arrayOf(dataType, values))));
}

function arrayOf(dataType: DataType, values: readonly number[]): Int32Array | Uint16Array | Uint8Array {
  if (dataType === DataType.INT32) return Int32Array.from(values);
  // Negative values wrap around to their two's complement.
  const isWide = dataType === DataType.UINT16 || dataType === DataType.INT16;
  return isWide ? Uint16Array.from(values) : Uint8Array.from(values);
}
