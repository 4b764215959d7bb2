import type { GraphIndex } from '../graph/graphIndex';
import { findLayers } from '../graph/layers';
import { whyWeightOnly } from '../graph/quantizable';
import { inferShapes } from '../graph/shapes';
import type { Layer, NodeRef, Scope } from '../graph/types';
import { inlineFloats } from '../onnx/tensor';
import { DataType } from '../onnx/types';
import { formatOf, isStatic, schemeOf } from '../plan/editPlan';
import type { Plan, TensorOverride } from '../plan/types';
import type { Range, StaticType } from '../quant/scheme';
import { activationTypeOf, isEightBit, narrowFirst } from './activationTypes';
import { shareConcatScales, type ConcatContext } from './concatScales';
import { existingPair, isQuantizedAlready, type ExistingPair } from './existingPairs';
import { Notes } from './notes';
import {
  clippingBounds,
  fixedOutputRange,
  forcedInputs,
  hasIntegerKernel,
  integerKernelInputs,
  isPassThrough,
  needsStaticReader,
  passedOutputs,
} from './operators';

/** A layer whose data input, weight and (through its unit) output are integers. */
export interface StaticLayer {
  readonly layer: Layer;
  readonly scheme: 'w8a8' | 'w8a16';
  /** Of the tensor that it reads. */
  readonly inputType: StaticType;
  /** Of what it computes, unless the plan says otherwise for that tensor. */
  readonly type: StaticType;
  /** Which input the weight is, and which the activation. */
  readonly weightInput: number;
  readonly dataInput: number;
}

/** A value with a Q/DQ pair. */
export interface QuantizedTensor {
  readonly value: string;
  /** The value whose range, scale and zero point it takes: itself, or what a pass-through operator passed on. */
  readonly rangeOf: string;
  /** Type of the pair that everything reads because a static node computes the value; undefined: only `readers` do. */
  readonly computedAs: StaticType | undefined;
  /** Static layers by the type that they read the value in, 8-bit types first. */
  readonly readers: ReadonlyMap<StaticType, ReadonlySet<NodeRef>>;
}

/** One input of a node. */
export interface Operand {
  readonly ref: NodeRef;
  readonly position: number;
}

/** A constant operand of a static `auto` node. */
export interface ConstantOperand extends Operand {
  readonly type: StaticType;
}

/** Where a plan puts integer tensors in the main graph of a prepared model. */
export interface Placement {
  /** Every layer of the model, quantized or not. */
  readonly allLayers: readonly Layer[];
  readonly layers: readonly StaticLayer[];
  /** Layers of which the weight alone is quantized: planned so, or without an integer kernel. */
  readonly weightOnly: readonly Layer[];
  /** Layers of the main graph that compute in half precision. */
  readonly half: readonly Layer[];
  /** Nodes whose outputs are integers: layers, `auto` nodes and pass-through operators. */
  readonly staticNodes: ReadonlySet<NodeRef>;
  /** Static node → the Relu or Clip that is quantized with it as one unit. */
  readonly clips: ReadonlyMap<NodeRef, NodeRef>;
  readonly tensors: ReadonlyMap<string, QuantizedTensor>;
  /** Constant operands of static `auto` nodes, to be stored as integers. */
  readonly constants: readonly ConstantOperand[];
  /** Ranges known without data. */
  readonly fixedRanges: ReadonlyMap<string, Range>;
  /** Inputs of static layers that have a pair in the model already, which the layers read. */
  readonly existing: ReadonlyMap<string, ExistingPair>;
  readonly notes: Notes;
}

/**
 * Decides what is quantized where, as the plan says:
 * - A `w8a8` or `w8a16` layer is static. A Relu or Clip that is the only reader of its output belongs to it.
 * - An `auto` node is static when the runtime has an integer kernel for it and all its real inputs come, through
 *   pass-through operators, from static nodes, in one 8-bit type; constants count as such. Softmax, Sigmoid and
 *   GlobalAveragePool also need a static reader.
 * - A tensor has the type of the static node that computes it, or of the static layers that read it. A tensor that the
 *   plan names has the type it gives, for all of them, and a pair of its own.
 * - A Gemm or MatMul that nothing static reads has no pair on its output: its integer kernel gives float32
 *   sums, so a pair there would only round them. (Conv has no such kernel.)
 * - A tensor that has a pair in the model keeps it, and gets no other.
 * - A single static layer has no integer neighbours to stay connected with: then nothing else is quantized, and a
 *   trial of one layer measures that layer.
 */
export function placeQuantization(index: GraphIndex, plan: Plan): Placement {
  const placer = new Placer(index, plan, layersOf(index, plan.dimensions));
  if (index.main) placer.placeNodes(index.main);
  return placer.result();
}

const layersByDimensions = new WeakMap<GraphIndex, Map<string, readonly Layer[]>>();

/** The same for every plan: trials of one model find its layers once. */
function layersOf(index: GraphIndex, dimensions: Plan['dimensions']): readonly Layer[] {
  const known = layersByDimensions.get(index) ?? new Map<string, readonly Layer[]>();
  layersByDimensions.set(index, known);
  const key = JSON.stringify(dimensions ?? {});
  const layers = known.get(key) ?? findLayers(index, inferShapes(index, dimensions));
  known.set(key, layers);
  return layers;
}

class Placer implements ConcatContext {
  private readonly notes = new Notes();
  private readonly layers = new Map<NodeRef, StaticLayer>();
  private readonly weightOnly: Layer[] = [];
  private readonly half: Layer[] = [];
  /** Every layer, quantized or not: their scheme is never `auto`. */
  private readonly layerRefs: ReadonlySet<NodeRef>;
  /** Nodes that need a static reader and have none. */
  private readonly leftFloat = new Set<NodeRef>();
  readonly staticNodes = new Set<NodeRef>();
  readonly clips = new Map<NodeRef, NodeRef>();
  /** Value computed by a static node → the value whose range it takes. */
  readonly roots = new Map<string, string>();
  /** Of the values that are roots. */
  readonly types = new Map<string, StaticType>();
  private constants: ConstantOperand[] = [];
  private readonly fixedRanges = new Map<string, Range>();
  private readonly existing = new Map<string, ExistingPair>();
  readonly overrides: ReadonlyMap<string, TensorOverride>;

  constructor(
    readonly index: GraphIndex,
    private readonly plan: Plan,
    private readonly allLayers: readonly Layer[],
  ) {
    this.layerRefs = new Set(allLayers.map(({ ref }) => ref));
    this.overrides = new Map(Object.entries(plan.tensors ?? {}));
    for (const layer of allLayers) this.addLayer(layer);
  }

  private addLayer(layer: Layer): void {
    const { ref, name, op, weight, quantizable, reason } = layer;
    const { scheme, forced, region } = formatOf(this.plan, name);
    if (scheme === 'float') return;
    if (!quantizable || !weight) {
      this.notes.add(name, `Stays as it is. ${reason ?? ''}`.trim());
      return;
    }
    if (scheme === 'fp16' && weight.dtype === 'float16') {
      this.notes.add(name, 'Stays as it is. Its weight is stored in half precision already.');
      return;
    }
    if (region && ref.scope === this.index.main) {
      this.half.push(layer);
      return;
    }
    const weightOnly = isStatic(scheme) ? whyWeightOnly(layer) : undefined;
    const isSlow = scheme === 'w8a8' && !hasIntegerKernel(ref);
    if (isStatic(scheme) && weightOnly === undefined && (forced || !isSlow)) {
      const type = activationTypeOf(this.plan, scheme);
      const dataInput = weight.inputIndex === 0 ? 1 : 0;
      const input = ref.node.input[dataInput] ?? '';
      const pair = existingPair(this.index, ref.scope, input);
      if (pair) this.existing.set(input, pair);
      const inputType = pair?.names.type ?? this.overrides.get(input)?.type ?? type;
      this.layers.set(ref, { layer, scheme, inputType, type, weightInput: weight.inputIndex, dataInput });
    } else {
      this.weightOnly.push(layer);
    }
    if (weightOnly !== undefined) this.notes.add(name, weightOnly);
    else if (isSlow) this.notes.add(name, slowNote(op, forced ?? false));
  }

  placeNodes(main: Scope): void {
    do {
      this.staticNodes.clear();
      this.clips.clear();
      this.roots.clear();
      this.types.clear();
      this.constants = [];
      this.fixedRanges.clear();
      for (const ref of this.index.sortedNodes(main)) this.placeNode(ref);
    } while (this.leaveUnreadFloat());
    this.leaveSumsFloat();
    shareConcatScales(this);
  }

  private placeNode(ref: NodeRef): void {
    const layer = this.layers.get(ref);
    if (layer) {
      this.addStatic(ref, layer.type);
      return;
    }
    if (this.layers.size < 2 || this.layerRefs.has(ref) || this.leftFloat.has(ref)) return;
    if (schemeOf(this.plan, ref.name, false) !== 'auto' || this.isPartOfUnit(ref)) return;
    const inputs = integerKernelInputs(ref);
    if (inputs) this.placeKernel(ref, inputs);
    else if (isPassThrough(this.index, ref)) this.passOn(ref);
    else this.placeForced(ref);
  }

  /** Makes a node static when its real inputs are integers of one 8-bit type. */
  private placeKernel(ref: NodeRef, inputs: readonly string[]): void {
    const given = inputs.filter((value) => value !== '');
    const [type, ...others] = new Set(given.flatMap((value) => this.typeOf(value) ?? []));
    if (!type || others.length > 0 || !isEightBit(type)) return;
    const constants = given.filter((value) => !this.roots.has(value));
    if (!constants.every((value) => this.isQuantizableConstant(ref.scope, value))) return;
    ref.node.input.forEach((value, position) => {
      if (constants.includes(value)) this.constants.push({ ref, position, type });
    });
    this.addStatic(ref, type);
  }

  private placeForced(ref: NodeRef): void {
    const { layers } = this.plan;
    const entry = Object.hasOwn(layers, ref.name) ? layers[ref.name] : undefined;
    const inputs = entry?.forced ? forcedInputs(ref) : undefined;
    if (!inputs) return;
    this.placeKernel(ref, inputs);
    this.notes.add(ref.name, slowNote(ref.node.opType, true));
  }

  /** Gives the outputs of a pass-through operator the codes of its input. */
  private passOn(ref: NodeRef): void {
    const root = this.roots.get(ref.node.input[0] ?? '');
    const type = root === undefined ? undefined : this.types.get(root);
    if (root === undefined || !type) return;
    this.staticNodes.add(ref);
    for (const value of passedOutputs(ref)) {
      if (value === '') continue;
      if (this.overrides.has(value)) this.addRoot(value, type);
      else this.roots.set(value, root);
    }
  }

  private addStatic(ref: NodeRef, type: StaticType): void {
    this.staticNodes.add(ref);
    const clip = this.clipAfter(ref);
    if (clip) this.clips.set(ref, clip);
    const value = (clip ?? ref).node.output[0] ?? '';
    // The pair that the model puts there is enough.
    if (isQuantizedAlready(this.index, ref.scope, value)) return;
    this.addRoot(value, type);
    const fixed = fixedOutputRange(ref);
    if (fixed && !clip) this.fixedRanges.set(value, fixed);
  }

  private addRoot(value: string, type: StaticType): void {
    this.roots.set(value, value);
    this.types.set(value, this.overrides.get(value)?.type ?? type);
  }

  /** Type of a value that a static node computes. */
  private typeOf(value: string): StaticType | undefined {
    const root = this.roots.get(value);
    return root === undefined ? undefined : this.types.get(root);
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
      if ((op !== 'Gemm' && op !== 'MatMul') || this.clips.has(ref) || this.overrides.has(value)) continue;
      if (this.hasStaticReader(ref.scope, value, 'any type')) continue;
      for (const [passed, root] of this.roots) if (root === value) this.roots.delete(passed);
    }
  }

  /** True when a static node reads a value as codes: in the type it has, or in any. */
  private hasStaticReader(scope: Scope, value: string, as: 'its type' | 'any type' = 'its type'): boolean {
    return this.index.consumers(scope, value).some((reader) => {
      if (!this.staticNodes.has(reader)) return false;
      const layer = this.layers.get(reader);
      if (layer) return as === 'any type' || layer.inputType === this.typeOf(value);
      if (!isPassThrough(this.index, reader)) return true;
      return passedOutputs(reader).some((passed) => this.hasStaticReader(scope, passed, as));
    });
  }

  private tensors(): Map<string, QuantizedTensor> {
    const readers = new Map<string, Map<StaticType, Set<NodeRef>>>();
    for (const each of this.layers.values()) {
      const value = each.layer.ref.node.input[each.dataInput] ?? '';
      if (this.existing.has(value)) continue;
      const ofValue = readers.get(value) ?? new Map<StaticType, Set<NodeRef>>();
      readers.set(
        value,
        ofValue.set(each.inputType, (ofValue.get(each.inputType) ?? new Set()).add(each.layer.ref)),
      );
    }
    const tensors = new Map<string, QuantizedTensor>();
    for (const value of new Set([...readers.keys(), ...this.roots.keys()])) {
      tensors.set(value, {
        value,
        rangeOf: this.roots.get(value) ?? value,
        computedAs: this.typeOf(value),
        readers: new Map([...(readers.get(value) ?? [])].sort(([a], [b]) => narrowFirst(a, b))),
      });
    }
    return tensors;
  }

  result(): Placement {
    return {
      allLayers: this.allLayers,
      layers: [...this.layers.values()],
      weightOnly: this.weightOnly,
      half: this.half,
      staticNodes: this.staticNodes,
      clips: this.clips,
      tensors: this.tensors(),
      constants: this.constants,
      fixedRanges: this.fixedRanges,
      existing: this.existing,
      notes: this.notes,
    };
  }
}

function slowNote(op: string, forced: boolean): string {
  const what = forced ? 'Its activations are 8-bit as the plan says, but' : 'Only the weight is 8-bit:';
  return `${what} the runtime has no integer kernel for ${op}, so it gets ${forced ? 'not faster' : 'smaller but not faster'}.`;
}
