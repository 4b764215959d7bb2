import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import { inferShapes, type Shapes } from '../graph/shapes';
import type { NodeRef, Scope } from '../graph/types';
import { attrInt, attrInts, normalDomain } from '../onnx/attributes';
import { int64Tensor } from '../onnx/build';
import { inlineInts, readFloat32 } from '../onnx/tensor';
import { DataType, type Model, type Node, type Tensor } from '../onnx/types';
import { GraphChanges } from './graphChanges';
import { lazyFloatTensor } from './lazyTensor';
import { widenedTensor } from './widenedTensor';

/** Larger results stay computed: a file may keep a large constant small by expanding it at run time. */
const largestExpanded = 65536;

/**
 * Computes the small arithmetic on constants that exporters leave around weights: Shape, Expand, Reshape, Squeeze,
 * Unsqueeze and Transpose of constants, and casts to the type that a constant has already or from float16 to float32.
 * Without this a bias made by Expand, the bounds of a Clip or a transposed weight would not be known as constants.
 * Reads no payload. `storeWidened` puts back the float16 form of what was not changed afterwards.
 * @param only among these nodes; all when absent.
 */
export function foldConstants(model: Model, only?: ReadonlySet<Node>): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main || !index.nodesOf(main).some(isFoldable)) return model;
  const changes = new GraphChanges(model);
  const folder = new Folder(index, main, inferShapes(index));
  for (const ref of index.sortedNodes(main)) {
    const isWanted = isFoldable(ref) && (!only || only.has(ref.node)) && !folder.leaves(ref);
    const folded = isWanted ? folder.fold(ref) : undefined;
    if (!folded) continue;
    changes.replace(ref.node);
    changes.addInitializer(folded);
  }
  return changes.apply();
}

/** Constants of more elements are not stored a second time for another view of them. */
const largestCopied = 4096;

/** Operators that give the same elements in another arrangement. */
const views: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);

type Rule = (folder: Folder, ref: NodeRef) => Omit<Tensor, 'name'> | undefined;

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['Shape', (folder, ref) => folder.shape(ref)],
  ['Cast', (folder, ref) => folder.cast(ref, attrInt(ref.node, 'to', 0))],
  ['CastLike', (folder, ref) => folder.cast(ref, folder.typeOf(ref, 1))],
  ['Reshape', (folder, ref) => folder.reshape(ref)],
  ['Squeeze', (folder, ref) => folder.reshape(ref)],
  ['Unsqueeze', (folder, ref) => folder.reshape(ref)],
  ['Flatten', (folder, ref) => folder.reshape(ref)],
  ['Expand', (folder, ref) => folder.expand(ref)],
  ['Transpose', (folder, ref) => folder.transpose(ref)],
]);

function isFoldable({ node }: NodeRef): boolean {
  return normalDomain(node.domain) === '' && rules.has(node.opType);
}

class Folder {
  private readonly folded = new Map<string, Tensor>();

  constructor(
    private readonly index: GraphIndex,
    private readonly main: Scope,
    private readonly shapes: Shapes,
  ) {}

  fold(ref: NodeRef): Tensor | undefined {
    const [name = ''] = ref.node.output;
    const result = rules.get(ref.node.opType)?.(this, ref);
    if (!result) return undefined;
    const tensor = { ...result, name };
    this.folded.set(name, tensor);
    return tensor;
  }

  /**
   * True for what the model gives out, and for another view of a large constant that is read as it is too, such as an
   * embedding table that also multiplies: one table in the file must not become two.
   */
  leaves({ node }: NodeRef): boolean {
    if (this.index.isOutput(this.main, node.output[0] ?? '')) return true;
    const [input = ''] = node.input;
    const tensor = views.has(node.opType) ? this.constant(input) : undefined;
    if (!tensor || count(tensor.dims) <= largestCopied) return false;
    return this.index.consumers(this.main, input).some((reader) => reader.node.opType !== node.opType);
  }

  typeOf({ node }: NodeRef, position: number): number {
    return this.shapes.dtypeOf(this.main, node.input[position] ?? '');
  }

  shape(ref: NodeRef): Tensor | undefined {
    const [input = ''] = ref.node.input;
    // Only constants: sizes of activations may be symbolic, or wrong in the file.
    const dims = this.constant(input)?.dims;
    const end = attrInt(ref.node, 'end', dims?.length ?? 0);
    return dims && int64Tensor('', dims.slice(attrInt(ref.node, 'start', 0), end));
  }

  cast(ref: NodeRef, to: number): Tensor | undefined {
    const tensor = this.constant(ref.node.input[0] ?? '');
    if (tensor?.dataType === to) return tensor;
    const isWidened = tensor?.dataType === (DataType.FLOAT16 as number) && to === (DataType.FLOAT as number);
    return isWidened ? widenedTensor(tensor) : undefined;
  }

  reshape(ref: NodeRef): Tensor | undefined {
    const tensor = this.constant(ref.node.input[0] ?? '');
    const dims = this.outputDims(ref);
    return tensor && dims && count(dims) === count(tensor.dims) ? { ...tensor, dims } : undefined;
  }

  expand(ref: NodeRef): Tensor | undefined {
    const [input = '', wanted = ''] = ref.node.input;
    const tensor = this.constant(input);
    const target = this.constant(wanted);
    const shape = target && inlineInts(target);
    if (!tensor || !shape) return undefined;
    const dims = broadcast(tensor.dims, shape);
    if (!dims || count(dims) > largestExpanded) return undefined;
    if (count(dims) === count(tensor.dims)) return { ...tensor, dims };
    if (tensor.dataType !== (DataType.FLOAT as number)) return this.expandInts(tensor, dims);
    return lazyFloatTensor('', dims, async () =>
      Float32Array.from(sourcePositions(tensor.dims, dims), pick(await readFloat32(tensor))),
    );
  }

  private expandInts(tensor: Tensor, dims: readonly number[]): Tensor | undefined {
    const values = tensor.dataType === (DataType.INT64 as number) ? inlineInts(tensor) : undefined;
    return values && int64Tensor('', Array.from(sourcePositions(tensor.dims, dims), pick(values)), dims);
  }

  transpose(ref: NodeRef): Tensor | undefined {
    const tensor = this.constant(ref.node.input[0] ?? '');
    if (tensor?.dataType !== (DataType.FLOAT as number)) return undefined;
    const order = attrInts(ref.node, 'perm') ?? tensor.dims.map((_, axis) => tensor.dims.length - 1 - axis);
    const dims = order.map((axis) => tensor.dims[axis] ?? 1);
    const strides = stridesOf(tensor.dims);
    const steps = order.map((axis) => strides[axis] ?? 0);
    return lazyFloatTensor('', dims, async () =>
      Float32Array.from(walk(dims, steps), pick(await readFloat32(tensor))),
    );
  }

  private constant(value: string): Tensor | undefined {
    const constant = this.index.constant(this.main, value);
    return this.folded.get(value) ?? (constant?.overridable ? undefined : constant?.tensor);
  }

  private outputDims({ node }: NodeRef): number[] | undefined {
    const shape = this.shapes.of(this.main, node.output[0] ?? '');
    const known = shape?.filter((size) => typeof size === 'number');
    return known && known.length === shape?.length ? known : undefined;
  }
}

function pick(values: ArrayLike<number>): (position: number) => number {
  return (position) => values[position] ?? 0;
}

function count(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** The common shape of two by ONNX's rules; undefined when they do not go together. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (dims[axis + 1] ?? 1);
  }
  return strides;
}

/** For each element of `target`, where it stands in the tensor of shape `dims` that is broadcast to it. */
function sourcePositions(dims: readonly number[], target: readonly number[]): Uint32Array {
  const padded = [...new Array<number>(target.length - dims.length).fill(1), ...dims];
  const strides = stridesOf(padded);
  return walk(
    target,
    padded.map((size, axis) => (size === 1 ? 0 : (strides[axis] ?? 0))),
  );
}

/** Positions reached by counting through `dims`, row-major, with one step per axis. */
function walk(dims: readonly number[], steps: readonly number[]): Uint32Array {
  const positions = new Uint32Array(count(dims));
  if (positions.length === 0) return positions;
  let filled = 1;
  // From the last axis outwards: each axis repeats what is there, moved by its step.
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const size = dims[axis] ?? 1;
    for (let i = 1; i < size; i++) {
      const moved = i * (steps[axis] ?? 0);
      for (let j = 0; j < filled; j++) positions[i * filled + j] = (positions[j] ?? 0) + moved;
    }
    filled *= size;
  }
  return positions;
}
