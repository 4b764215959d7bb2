import { InputError, throwIfCancelled } from '../../errors';
import { type GraphIndex, indexGraph } from '../../graph/graphIndex';
import { inferShapes } from '../../graph/shapes';
import type { NodeRef, Scope } from '../../graph/types';
import { attribute, normalDomain } from '../../onnx/attributes';
import { makeAttribute, makeTensor } from '../../onnx/build';
import { derive } from '../../onnx/origin';
import {
  type Attribute,
  DataType,
  type Model,
  type Node,
  type Tensor,
  type ValueInfo,
} from '../../onnx/types';
import type { Work } from '../../ports';
import { castNode } from '../castNode';
import { GraphChanges } from '../graphChanges';
import { Notes } from '../notes';
import type { Converted } from './converted';
import { ignoresType } from './halfOperators';
import { HalfRegion } from './halfRegion';
import { countClamps, halfWeight } from './halfWeight';
import { listOldInitializers } from './listOldInitializers';
import { mapSame } from './widenParts';

export interface ToFloat16Options {
  /** Names of the nodes that compute in half precision; every node that can when absent. */
  readonly nodes?: ReadonlySet<string>;
  /** Sizes for symbolic dimensions. */
  readonly dimensions?: Readonly<Record<string, number>>;
}

/** The lowest opset whose Cast takes its type as a number. */
const LEAST_OPSET = 6;

/**
 * Lets float32 nodes of the main graph compute in half precision, with Casts where they meet others and at the graph's
 * inputs and outputs, which stay float32. Constants that only such nodes read are stored as float16, clamped as
 * `halfBits` says, which is noted. Subgraphs, functions and operators without a half-precision form stay float32.
 * Reads the constants that it converts, one at a time; their float16 form is computed when it is written.
 * @throws InputError for models below opset 6
 * @throws CancelledError
 */
export async function toFloat16(
  model: Model,
  { nodes, dimensions = {} }: ToFloat16Options = {},
  work: Work = {},
): Promise<Converted> {
  const index = indexGraph(model);
  const { main } = index;
  if (!main) return { model, changed: 0, notes: [] };
  if (index.opset(main, '') < LEAST_OPSET) {
    throw new InputError(
      `The model's operator set is ${index.opset(main, '')}; half precision needs ${LEAST_OPSET} or later. Export it again with a newer one.`,
    );
  }
  const notes = new Notes();
  const region = new HalfRegion(index, main, inferShapes(index, dimensions), nodes, notes);
  if (region.nodes.size === 0) return { model, changed: 0, notes: notes.sentences() };
  const writer = new HalfWriter(index, main, region, notes);
  await writer.storeConstants(work);
  return {
    model: listOldInitializers(writer.finish()),
    changed: region.nodes.size,
    notes: notes.sentences(),
  };
}

class HalfWriter {
  private readonly changes: GraphChanges;
  private readonly wantsHalf = new Set<string>();
  private readonly wantsFloat = new Set<string>();
  private readonly halfNames = new Map<string, string>();
  private readonly stored = new Set<string>();

  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly region: HalfRegion,
    private readonly notes: Notes,
  ) {
    this.changes = new GraphChanges(index.model);
    this.collectReaders();
  }

  private collectReaders(): void {
    const { index, main, region } = this;
    for (const ref of index.nodes) {
      if (ignoresType(ref.node)) continue;
      const wanted = region.nodes.has(ref) ? this.wantsHalf : this.wantsFloat;
      for (const value of ref.node.input) {
        if (index.definingScope(ref.scope, value) === main && region.isFloat(value)) wanted.add(value);
      }
    }
    for (const scope of index.scopes) {
      for (const output of scope.container.output) {
        const name = typeof output === 'string' ? output : output.name;
        if (index.definingScope(scope, name) === main) this.wantsFloat.add(name);
      }
    }
  }

  /** Stores the constants that the region reads as float16. */
  async storeConstants(work: Work): Promise<void> {
    const constants = [...this.wantsHalf].filter((value) => this.region.isConstant(value));
    for (const [done, value] of constants.entries()) {
      throwIfCancelled(work.signal);
      work.onProgress?.(done, constants.length, `Rounding ${value}`);
      const found = this.index.constant(this.main, value);
      if (!found) continue;
      const isClamped = await this.noteClamps(value, found.tensor);
      const isShared = this.wantsFloat.has(value);
      // Beside float32 readers a Cast is smaller than a copy, but does not clamp.
      if (isShared && !isClamped) continue;
      this.stored.add(value);
      const half = halfTensor(this.halfName(value), found.tensor);
      if (isShared) {
        this.changes.addInitializer(half);
      } else if (found.node) {
        this.changes.edit(found.node.node, { attribute: [makeAttribute('value', half)] });
      } else {
        this.changes.removeInitializer(value);
        this.changes.addInitializer(half);
      }
    }
    for (const { node, name } of this.region.nodes) {
      const fill = node.opType === 'ConstantOfShape' ? attribute(node, 'value')?.t : undefined;
      if (fill) await this.noteClamps(name, fill);
    }
  }

  private async noteClamps(value: string, tensor: Tensor): Promise<boolean> {
    const { large, small } = await countClamps(tensor);
    if (large > 0) {
      this.notes.add(value, 'Values beyond ±65,504, the largest that half precision has, were set to that.');
    }
    if (small > 0) {
      this.notes.add(
        value,
        'Values nearer to zero than ±6e-8, the smallest that half precision has, were set to that.',
      );
    }
    return large + small > 0;
  }

  finish(): Model {
    for (const ref of this.region.nodes) this.convertNode(ref);
    this.addCasts();
    const model = this.changes.apply();
    const { graph } = model;
    if (!graph) return model;
    const retype = (value: ValueInfo) => (this.isHalfNow(value.name) ? asHalf(value) : value);
    const valueInfo = mapSame(graph.valueInfo, retype);
    const input = mapSame(graph.input, retype);
    return derive(model, { graph: derive(graph, { valueInfo, input }) });
  }

  /** True when a value has its name as float16: nothing reads it as float32. */
  private isHalfNow(value: string): boolean {
    return (this.region.values.has(value) || this.stored.has(value)) && !this.wantsFloat.has(value);
  }

  /** What a value is called as float16. As float32 it has its own name. */
  private halfName(value: string): string {
    if (this.isHalfNow(value)) return value;
    const name = this.halfNames.get(value) ?? this.changes.fresh(`${value}_float16`);
    this.halfNames.set(value, name);
    return name;
  }

  private convertNode({ node }: NodeRef): void {
    const rename = (value: string) => (this.region.isFloat(value) ? this.halfName(value) : value);
    const input = mapSame(node.input, rename);
    const output = mapSame(node.output, rename);
    // ONNX Runtime 1.30 fails to load some models with Casts from float16 to float16.
    const readsReal = node.opType === 'Cast' && this.region.isReal(node.input[0] ?? '');
    const isIdle = readsReal && this.region.isFloat(node.output[0] ?? '');
    const kind = isIdle ? { opType: 'Identity', attribute: [] } : { attribute: halfAttributes(node) };
    this.changes.edit(node, { input, output, ...kind });
  }

  private addCasts(): void {
    for (const value of this.region.values) {
      if (this.wantsFloat.has(value)) this.addCast(value, this.halfName(value), value, DataType.FLOAT);
    }
    for (const value of this.wantsHalf) {
      if (this.region.values.has(value) || this.stored.has(value)) continue;
      this.addCast(value, value, this.halfName(value), DataType.FLOAT16);
    }
  }

  private addCast(value: string, from: string, to: string, type: DataType): void {
    const producer = this.index.producer(this.main, value);
    if (producer) this.changes.insertAfter(producer.node, castNode(from, to, type));
    else this.changes.insertFirst(castNode(from, to, type));
  }
}

function halfTensor(name: string, tensor: Tensor): Tensor {
  return makeTensor(name, DataType.FLOAT16, tensor.dims, halfWeight(tensor).payload);
}

/** Cast and ConstantOfShape say which type they give; all others follow their inputs. */
function halfAttributes(node: Node): readonly Attribute[] {
  if (normalDomain(node.domain) !== '') return node.attribute;
  const replaced = (name: string, held: Attribute) => [
    ...node.attribute.filter((each) => each.name !== name),
    held,
  ];
  switch (node.opType) {
    case 'Cast':
      return mapSame(node.attribute, (held) =>
        held.name === 'to' && held.i === BigInt(DataType.FLOAT)
          ? derive(held, { i: BigInt(DataType.FLOAT16) })
          : held,
      );
    case 'ConstantOfShape': {
      const value = attribute(node, 'value')?.t;
      const half = value
        ? halfTensor(value.name, value)
        : makeTensor('', DataType.FLOAT16, [1], new Uint8Array(2));
      return replaced('value', makeAttribute('value', half));
    }
    default:
      return node.attribute;
  }
}

function asHalf(value: ValueInfo): ValueInfo {
  if (!value.type?.tensorType) return value;
  const tensorType = derive(value.type.tensorType, { elemType: DataType.FLOAT16 });
  return derive(value, { type: derive(value.type, { tensorType }) });
}
