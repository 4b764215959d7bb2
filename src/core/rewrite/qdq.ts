import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import { makeNode, makeTensor } from '../onnx/build';
import { MemoryPayload, type Payload } from '../onnx/payload';
import { DataType, type Node, type Tensor } from '../onnx/types';
import { integerType } from '../quant/integerTypes';
import type { ActivationType, IntegerTypeName, QuantParams, Range } from '../quant/scheme';
import type { GraphChanges } from './graphChanges';
import type { QuantizedTensor } from './placement';

/** Names of the initializers that hold a scale and a zero point. */
export interface ParamNames {
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

  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly changes: GraphChanges,
  ) {}

  /** Adds `T_scale` and `T_zero_point` for an activation. */
  addParams(value: string, { scale, zeroPoint }: QuantParams, type: ActivationType): ParamNames {
    const names = {
      scale: this.changes.fresh(`${value}_scale`),
      zeroPoint: this.changes.fresh(`${value}_zero_point`),
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
   * Puts a Q/DQ pair on a tensor. When a static node computes it, everything reads the pair; otherwise only `readers`.
   * A value whose name others know (graph outputs, values that subgraphs read) keeps its name behind the pair.
   */
  addPair({ value, fromStatic }: QuantizedTensor, params: ParamNames, readers: ReadonlySet<NodeRef>): void {
    const consumers = this.index.consumers(this.main, value);
    const writer = this.index.producer(this.main, value);
    const producer = writer && (this.absorbed.get(writer) ?? writer);
    const isKnown =
      this.index.isOutput(this.main, value) || consumers.some(({ scope }) => scope !== this.main);
    const keepsName = fromStatic && isKnown;
    const source = keepsName ? this.changes.fresh(`${value}_QuantizeLinear_Input`) : value;
    const result = keepsName ? value : this.changes.fresh(`${value}_DequantizeLinear_Output`);
    const pair = this.makePair(value, source, result, params);
    if (producer) this.changes.insertAfter(producer.node, ...pair);
    else this.changes.insertFirst(...pair);
    if (keepsName && producer) {
      const position = writer === producer ? producer.node.output.indexOf(value) : 0;
      setAt(this.outputs, producer.node, position, source);
      return;
    }
    for (const reader of consumers) {
      if (fromStatic || readers.has(reader)) this.rewire(reader.node, value, result);
    }
  }

  private makePair(value: string, source: string, result: string, { scale, zeroPoint }: ParamNames): Node[] {
    const codes = this.changes.fresh(`${value}_QuantizeLinear_Output`);
    return [
      makeNode({
        opType: 'QuantizeLinear',
        name: this.changes.fresh(`${value}_QuantizeLinear`),
        input: [source, scale, zeroPoint],
        output: [codes],
      }),
      makeNode({
        opType: 'DequantizeLinear',
        name: this.changes.fresh(`${value}_DequantizeLinear`),
        input: [codes, scale, zeroPoint],
        output: [result],
      }),
    ];
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
    const dequantize = makeNode({
      opType: 'DequantizeLinear',
      name: this.changes.fresh(`${value}_DequantizeLinear`),
      input: [codesName, scaleName, zeroPointName],
      output: [result],
      attributes: axis === undefined ? {} : { axis: { int: axis } },
    });
    if (reader === 'several') this.changes.insertFirst(dequantize);
    else this.changes.insertBefore(reader.node, dequantize);
    return result;
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
  const array = dataType === DataType.INT32 ? Int32Array.from(values) : Uint8Array.from(values);
  return makeTensor(name, dataType, dims, new MemoryPayload(new Uint8Array(array.buffer)));
}
