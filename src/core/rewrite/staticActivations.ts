import type { LayerWeight, NodeRef } from '../graph/types';
import type { StaticType } from '../quant/scheme';
import { ActivationParams } from './activationParams';
import { isEightBit } from './activationTypes';
import type { ConstantStore } from './constantStore';
import { biasMayOverflow, floatIslands, summedAxis } from './floatIslands';
import { naming } from './layerResult';
import { quantizeConstant } from './layerWeights';
import { clippingBounds, givesFloatSums } from './operators';
import type { ConstantOperand } from './placement';
import { clipsWithin } from './qdq';
import type { RewriteContext } from './rewriteContext';

/** Writes the pairs on activations and the constant operands of nodes that compute on integers. */
export class StaticActivations {
  readonly params: ActivationParams;

  constructor(
    private readonly context: RewriteContext,
    private readonly store: ConstantStore,
  ) {
    this.params = new ActivationParams(context);
  }

  /** @throws InputError when a range is missing or a constant is not finite. */
  async add(): Promise<void> {
    const { placement, writer } = this.context;
    for (const { value, computedAs, readers } of placement.tensors.values()) {
      for (const type of computedAs ? [computedAs] : readers.keys()) this.params.of(value, type);
    }
    const kept = [...placement.clips].filter(([producer, clip]) => !this.absorbClip(producer, clip));
    for (const tensor of placement.tensors.values()) {
      writer.addPairs(tensor, (type) => this.params.of(tensor.value, type).names);
    }
    for (const [producer, clip] of kept) this.addInnerPair(producer, clip);
    for (const { layer, dataInput } of placement.layers) {
      const pair = placement.existing.get(layer.ref.node.input[dataInput] ?? '');
      if (pair) writer.setInput(layer.ref.node, dataInput, pair.output);
    }
    await this.protectFloatLayers();
    for (const operand of placement.constants) {
      await naming(operand.ref.name, () => this.quantizeOperand(operand));
    }
  }

  private async protectFloatLayers(): Promise<void> {
    const { index, placement, plan, writer } = this.context;
    const paired = new Set<string>();
    for (const island of floatIslands(index, placement, plan)) {
      const { layer, weight, source, type, hasCodes } = island;
      const { params, names } = this.params.of(source, type);
      if (hasCodes && !(await biasMayOverflow(this.context, island, params.scale))) continue;
      const value = layer.ref.node.input[0] ?? '';
      if (value !== source && !paired.has(value)) {
        // Values that were only moved lose nothing by a second pair like the first.
        writer.addPairs({ value, rangeOf: source, computedAs: type, readers: new Map() }, () => names);
        paired.add(value);
      }
      this.protect(layer.ref, weight, 0, type, source);
    }
  }

  /**
   * Lets a layer read its data so that the runtime computes it in float.
   * @param source the tensor whose parameters its codes have.
   */
  protect(
    ref: NodeRef,
    weight: LayerWeight,
    dataInput: number,
    type: StaticType,
    source = ref.node.input[dataInput] ?? '',
  ): void {
    const axis = summedAxis(ref, weight);
    if (!axis) return;
    const { params } = this.params.of(source, type);
    this.context.writer.readPerSlice(ref, dataInput, type, params, axis);
  }

  /** Removes a Relu or Clip that the range of its output performs. */
  private absorbClip(producer: NodeRef, clip: NodeRef): boolean {
    const { index, placement, writer } = this.context;
    const value = clip.node.output[0] ?? '';
    const bounds = clippingBounds(index, clip);
    const type = placement.tensors.get(value)?.computedAs;
    if (!bounds || !type || !clipsWithin(this.params.of(value, type).params, type, bounds)) return false;
    writer.absorb(clip, producer);
    return true;
  }

  /**
   * A pair before a Relu or Clip that stays, in the format of its output, so that its producer still computes on integers:
   * what the pair clips, the one behind it would clip too.
   */
  private addInnerPair(producer: NodeRef, clip: NodeRef): void {
    const result = clip.node.output[0] ?? '';
    const type = this.context.placement.tensors.get(result)?.computedAs;
    if (!type || !isEightBit(type) || givesFloatSums(producer)) return;
    const value = clip.node.input[0] ?? '';
    const { names } = this.params.of(result, type);
    this.context.writer.addPairs(
      { value, rangeOf: result, computedAs: type, readers: new Map() },
      () => names,
    );
  }

  /** A constant operand of an `auto` node: in the type of the others, with one scale. */
  private async quantizeOperand({ ref, position, type }: ConstantOperand): Promise<void> {
    const { index, plan, writer, readValues } = this.context;
    const value = ref.node.input[position] ?? '';
    const constant = index.constant(ref.scope, value);
    if (!constant) return;
    const options = { axis: undefined, symmetric: plan.activationSymmetric ?? false };
    const quantized = await quantizeConstant(constant.tensor, type, options, readValues);
    // A layer further up may read the same codes.
    writer.setInput(ref.node, position, this.store.store(value, 'several', quantized));
  }
}
