import type { GraphIndex } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { inferShapes } from '../graph/shapes';
import type { Layer, NodeRef, Scope } from '../graph/types';
import { inlineFloats } from '../onnx/tensor';
import { DataType } from '../onnx/types';
import { schemeOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Range } from '../quant/scheme';
import { shareConcatScales, type ConcatContext } from './concatScales';
import { Notes } from './notes';
import {
  clippingBounds,
  fixedOutputRange,
  needsStaticReader,
  integerKernelInputs,
  isPassThrough,
  passedOutputs,
} from './operators';

/** A layer that computes on integers: its data input, its weight and (through its unit) its output are 8-bit. */
export interface StaticLayer {
  readonly layer: Layer;
  /** Which input the weight is, and which the activation. */
  readonly weightInput: number;
  readonly dataInput: number;
}

/** A value with a Q/DQ pair. */
export interface QuantizedTensor {
  readonly value: string;
  /** The value whose range, scale and zero point it takes: itself, or what a pass-through operator passed on. */
  readonly rangeOf: string;
  /** A static node computes it, so everything reads the 8-bit tensor; otherwise only static layers do. */
  readonly fromStatic: boolean;
}

/** One input of a node. */
export interface Operand {
  readonly ref: NodeRef;
  readonly position: number;
}

/** Where a plan puts 8-bit tensors in the main graph of a prepared model. */
export interface Placement {
  /** Every layer of the model, quantized or not. */
  readonly allLayers: readonly Layer[];
  readonly layers: readonly StaticLayer[];
  /** Layers of which the weight alone is quantized: planned so, or without an integer kernel. */
  readonly weightOnly: readonly Layer[];
  /** Nodes whose outputs are 8-bit: layers, `auto` nodes and pass-through operators. */
  readonly staticNodes: ReadonlySet<NodeRef>;
  /** Static node → the Relu or Clip that is quantized with it as one unit. */
  readonly clips: ReadonlyMap<NodeRef, NodeRef>;
  readonly tensors: ReadonlyMap<string, QuantizedTensor>;
  /** Constant operands of static `auto` nodes, to be stored as 8-bit tensors. */
  readonly constants: readonly Operand[];
  /** Ranges known without data. */
  readonly fixedRanges: ReadonlyMap<string, Range>;
  readonly notes: Notes;
}

/**
 * Decides what is quantized where, as the plan says:
 * - A `w8a8` layer is static. A Relu or Clip that is the only reader of its output belongs to it.
 * - An `auto` node is static when the runtime has an integer kernel for it and all its real inputs come, through
 *   pass-through operators, from static nodes; constants count as such. Softmax, Sigmoid and GlobalAveragePool also
 *   need a static reader.
 * - A Gemm or MatMul that nothing static reads has no pair on its output: its integer kernel gives float32 sums, so a
 *   pair there would only round them. (Conv has no such kernel.)
 * - A single static layer has no integer neighbours to stay connected with: then nothing else is quantized, and a
 *   trial of one layer measures that layer.
 */
export function placeQuantization(index: GraphIndex, plan: Plan): Placement {
  const placer = new Placer(index, plan, findLayers(index, inferShapes(index, plan.dimensions)));
  if (index.main) placer.placeNodes(index.main);
  return placer.result();
}

class Placer implements ConcatContext {
  private readonly notes = new Notes();
  private readonly layers = new Map<NodeRef, StaticLayer>();
  private readonly weightOnly: Layer[] = [];
  /** Every layer, quantized or not: their scheme is never `auto`. */
  private readonly layerRefs: ReadonlySet<NodeRef>;
  /** Nodes that need a static reader and have none. */
  private readonly leftFloat = new Set<NodeRef>();
  readonly staticNodes = new Set<NodeRef>();
  readonly clips = new Map<NodeRef, NodeRef>();
  /** Value computed by a static node → the value whose range it takes. */
  readonly roots = new Map<string, string>();
  private constants: Operand[] = [];
  private readonly fixedRanges = new Map<string, Range>();

  constructor(
    readonly index: GraphIndex,
    private readonly plan: Plan,
    private readonly allLayers: readonly Layer[],
  ) {
    this.layerRefs = new Set(allLayers.map(({ ref }) => ref));
    for (const layer of allLayers) this.addLayer(layer);
  }

  private addLayer(layer: Layer): void {
    const { ref, name, weight, quantizable, reason } = layer;
    const scheme = schemeOf(this.plan, name, true);
    if (scheme === 'float') return;
    if (!quantizable || !weight) {
      this.notes.add(name, `Stays as it is. ${reason ?? ''}`.trim());
    } else if (scheme !== 'w8a8') {
      this.weightOnly.push(layer);
    } else if (layer.op === 'ConvTranspose') {
      this.weightOnly.push(layer);
      this.notes.add(
        name,
        'Only the weight is 8-bit: the runtime has no integer kernel for ConvTranspose, so it gets smaller but not faster.',
      );
    } else {
      this.layers.set(ref, {
        layer,
        weightInput: weight.inputIndex,
        dataInput: weight.inputIndex === 0 ? 1 : 0,
      });
    }
  }

  placeNodes(main: Scope): void {
    do {
      this.staticNodes.clear();
      this.clips.clear();
      this.roots.clear();
      this.constants = [];
      this.fixedRanges.clear();
      for (const ref of this.index.sortedNodes(main)) this.placeNode(ref);
    } while (this.leaveUnreadFloat());
    this.leaveSumsFloat();
    shareConcatScales(this);
  }

  private placeNode(ref: NodeRef): void {
    if (this.layers.has(ref)) {
      this.addStatic(ref);
      return;
    }
    if (this.layers.size < 2 || this.layerRefs.has(ref) || this.leftFloat.has(ref)) return;
    if (schemeOf(this.plan, ref.name, false) !== 'auto' || this.isPartOfUnit(ref)) return;
    const inputs = integerKernelInputs(ref)?.filter((value) => value !== '');
    if (inputs) {
      if (!inputs.some((value) => this.roots.has(value))) return;
      const constants = inputs.filter((value) => !this.roots.has(value));
      if (!constants.every((value) => this.isQuantizableConstant(ref.scope, value))) return;
      ref.node.input.forEach((value, position) => {
        if (constants.includes(value)) this.constants.push({ ref, position });
      });
      this.addStatic(ref);
    } else if (isPassThrough(this.index, ref)) {
      const root = this.roots.get(ref.node.input[0] ?? '');
      if (root === undefined) return;
      this.staticNodes.add(ref);
      for (const value of passedOutputs(ref)) if (value !== '') this.roots.set(value, root);
    }
  }

  private addStatic(ref: NodeRef): void {
    this.staticNodes.add(ref);
    const clip = this.clipAfter(ref);
    if (clip) this.clips.set(ref, clip);
    const value = (clip ?? ref).node.output[0] ?? '';
    this.roots.set(value, value);
    const fixed = fixedOutputRange(ref);
    if (fixed && !clip) this.fixedRanges.set(value, fixed);
  }

  /** The Relu or Clip that is the only reader of a node's output. */
  private clipAfter(ref: NodeRef): NodeRef | undefined {
    const value = ref.node.output[0] ?? '';
    const [reader, ...others] = this.index.consumers(ref.scope, value);
    if (!reader || others.length > 0 || reader.scope !== ref.scope) return undefined;
    if (this.index.isOutput(ref.scope, value) || reader.node.input[0] !== value) return undefined;
    if (schemeOf(this.plan, reader.name, false) !== 'auto') return undefined;
    return clippingBounds(this.index, reader) && reader;
  }

  private isPartOfUnit(ref: NodeRef): boolean {
    const producer = this.index.producer(ref.scope, ref.node.input[0] ?? '');
    return producer !== undefined && this.clips.get(producer) === ref;
  }

  /** A float32 constant that 8 bits can hold: not the infinity that masks scores. (Large ones are not looked into.) */
  private isQuantizableConstant(scope: Scope, value: string): boolean {
    const constant = this.index.constant(scope, value);
    if (constant?.tensor.dataType !== DataType.FLOAT || constant.overridable) return false;
    return inlineFloats(constant.tensor)?.every(Number.isFinite) ?? true;
  }

  /** Takes back nodes that lack the static reader they need. True when there were any, and placing must start again. */
  private leaveUnreadFloat(): boolean {
    const unread = [...this.staticNodes].filter((ref) => {
      const unit = this.clips.get(ref) ?? ref;
      return needsStaticReader(ref) && !this.hasStaticReader(ref.scope, unit.node.output[0] ?? '');
    });
    for (const ref of unread) this.leftFloat.add(ref);
    return unread.length > 0;
  }

  /** Outputs of integer kernels that give float32 and that only float nodes or the caller of the model read. */
  private leaveSumsFloat(): void {
    for (const { layer } of this.layers.values()) {
      const { ref, op } = layer;
      const value = ref.node.output[0] ?? '';
      if ((op !== 'Gemm' && op !== 'MatMul') || this.clips.has(ref)) continue;
      if (this.hasStaticReader(ref.scope, value)) continue;
      for (const [passed, root] of this.roots) if (root === value) this.roots.delete(passed);
    }
  }

  private hasStaticReader(scope: Scope, value: string): boolean {
    return this.index.consumers(scope, value).some((reader) => {
      if (!this.staticNodes.has(reader)) return false;
      if (this.layers.has(reader) || integerKernelInputs(reader)) return true;
      return passedOutputs(reader).some((passed) => this.hasStaticReader(scope, passed));
    });
  }

  result(): Placement {
    const tensors = new Map<string, QuantizedTensor>();
    for (const { layer, dataInput } of this.layers.values()) {
      const value = layer.ref.node.input[dataInput] ?? '';
      if (!this.roots.has(value)) tensors.set(value, { value, rangeOf: value, fromStatic: false });
    }
    for (const [value, rangeOf] of this.roots) tensors.set(value, { value, rangeOf, fromStatic: true });
    return {
      allLayers: this.allLayers,
      layers: [...this.layers.values()],
      weightOnly: this.weightOnly,
      staticNodes: this.staticNodes,
      clips: this.clips,
      tensors,
      constants: this.constants,
      fixedRanges: this.fixedRanges,
      notes: this.notes,
    };
  }
}
