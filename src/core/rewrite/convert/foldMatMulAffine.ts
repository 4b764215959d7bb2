import { type GraphIndex, indexGraph } from '../../graph/graphIndex';
import { inferShapes, type Shapes } from '../../graph/shapes';
import type { NodeRef } from '../../graph/types';
import { normalDomain } from '../../onnx/attributes';
import { makeNode } from '../../onnx/build';
import { readFloat32 } from '../../onnx/tensor';
import type { Model, Tensor } from '../../onnx/types';
import { biasPerChannel } from '../bias';
import { type Affine, constantOperand, floatConstant, normalization } from '../channelAffine';
import { GraphChanges } from '../graphChanges';
import { collectable, lazyFloatTensor } from '../lazyTensor';
import { replaceOperand } from '../ownConstant';

/**
 * Folds BatchNormalization and a constant factor per column into the constant weight of a MatMul, and into the constant
 * that an Add between the two adds. A MatMul has no bias of its own: what remains of a BatchNormalization right behind
 * one is an Add. Only products of two axes: with more, the channels of BatchNormalization are not the columns.
 * @param onFold is told of each node that is folded away.
 */
export function foldMatMulAffine(model: Model, onFold: (follower: NodeRef) => void): Model {
  for (let current = model; ;) {
    const folded = foldOnce(current, onFold);
    if (folded === current) return current;
    current = folded;
  }
}

interface Fold {
  readonly product: NodeRef;
  readonly weight: Tensor;
  /** The Add in between, and which of its inputs is constant. */
  readonly add?: { readonly ref: NodeRef; readonly position: number; readonly constant: Tensor };
  readonly readAffine: () => Promise<Affine>;
}

function foldOnce(model: Model, onFold: (follower: NodeRef) => void): Model {
  const index = indexGraph(model);
  const { main } = index;
  if (!main) return model;
  const candidates = index.nodesOf(main).filter((ref) => isOneOf(ref, 'BatchNormalization', 'Mul'));
  const folder = candidates.length > 0 ? inferShapes(index) : undefined;
  for (const follower of candidates) {
    const fold = folder && planFold(index, folder, follower);
    if (!fold) continue;
    const changes = new GraphChanges(model);
    applyFold(index, changes, follower, fold);
    onFold(follower);
    // One at a time: the next may be folded into the same weight.
    return changes.apply();
  }
  return model;
}

function planFold(index: GraphIndex, shapes: Shapes, follower: NodeRef): Fold | undefined {
  const { scope, node } = follower;
  const position = node.input.findIndex((value) => onlyProducer(index, follower, value, 'MatMul', 'Add'));
  const value = node.input[position] ?? '';
  const before = onlyProducer(index, follower, value, 'MatMul', 'Add');
  if (!before || shapes.of(scope, value)?.length !== 2) return undefined;
  const source = before.node.opType === 'Add' ? behindAdd(index, before) : { product: before };
  const weight = source && floatConstant(index, source.product, 1);
  if (!source || weight?.dims.length !== 2) return undefined;
  const columns = weight.dims[1] ?? 0;
  if (source.add && !isRow(source.add.constant.dims, columns)) return undefined;
  const readAffine =
    node.opType === 'BatchNormalization'
      ? normalization(index, follower, columns)
      : constantOperand(index, follower, 1 - position, columns, 2);
  return readAffine && { ...source, weight, readAffine };
}

function behindAdd(index: GraphIndex, ref: NodeRef): Pick<Fold, 'product' | 'add'> | undefined {
  for (const position of [0, 1]) {
    const constant = floatConstant(index, ref, position);
    const product = onlyProducer(index, ref, ref.node.input[1 - position] ?? '', 'MatMul');
    if (constant && product) return { product, add: { ref, position, constant } };
  }
  return undefined;
}

/** One value for all columns, or one each. */
function isRow(dims: readonly number[], columns: number): boolean {
  const last = dims.at(-1) ?? 1;
  return (
    dims.slice(0, -1).every((size) => size === 1) && (last === 1 || last === columns) && dims.length <= 2
  );
}

/** The node that computes a value for this one alone. */
function onlyProducer(
  index: GraphIndex,
  { scope }: NodeRef,
  value: string,
  ...opTypes: readonly string[]
): NodeRef | undefined {
  const ref = index.producer(scope, value);
  if (!ref || ref.scope !== scope || !isOneOf(ref, ...opTypes) || index.isOutput(scope, value))
    return undefined;
  return index.consumers(scope, value).length === 1 ? ref : undefined;
}

function isOneOf({ node }: NodeRef, ...opTypes: readonly string[]): boolean {
  return normalDomain(node.domain) === '' && opTypes.includes(node.opType);
}

function applyFold(index: GraphIndex, changes: GraphChanges, follower: NodeRef, fold: Fold): void {
  const { product, weight, add, readAffine } = fold;
  const affine = collectable(readAffine);
  const columns = weight.dims[1] ?? 0;
  replaceOperand(index, changes, product, 1, (name) =>
    lazyFloatTensor(name, weight.dims, async () => {
      const { scale } = await affine();
      return (await readFloat32(weight)).map((value, i) => value * (scale[i % columns] ?? 0));
    }),
  );
  const shifted = (name: string, before?: Tensor) =>
    lazyFloatTensor(name, [columns], async () => {
      const { scale, shift, mean } = await affine();
      const values = before ? await biasPerChannel(before, columns, readFloat32) : new Float32Array(columns);
      return values.map((value, c) => (value - (mean[c] ?? 0)) * (scale[c] ?? 0) + (shift[c] ?? 0));
    });
  const output = follower.node.output.slice(0, 1);
  if (add) {
    replaceOperand(index, changes, add.ref, add.position, (name) => shifted(name, add.constant));
    changes.edit(add.ref.node, { output });
    changes.replace(follower.node);
  } else if (follower.node.opType === 'BatchNormalization') {
    const bias = changes.fresh(`${product.name}.bias`);
    changes.addInitializer(shifted(bias));
    const input = [product.node.output[0] ?? '', bias];
    changes.replace(follower.node, makeNode({ opType: 'Add', name: follower.node.name, input, output }));
  } else {
    changes.edit(product.node, { output });
    changes.replace(follower.node);
  }
}
