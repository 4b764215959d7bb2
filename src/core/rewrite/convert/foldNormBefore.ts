import { type GraphIndex, indexGraph } from '../../graph/graphIndex';
import { inferShapes, type Shapes } from '../../graph/shapes';
import type { NodeRef } from '../../graph/types';
import { attrFloat, attrInt, attrInts, attrString, normalDomain } from '../../onnx/attributes';
import { makeNode } from '../../onnx/build';
import { readFloat32 } from '../../onnx/tensor';
import type { Model, Tensor } from '../../onnx/types';
import { biasOf, biasPerChannel } from '../bias';
import { type Affine, floatConstant, normalization } from '../channelAffine';
import { GraphChanges } from '../graphChanges';
import { collectable, lazyFloatTensor } from '../lazyTensor';
import { replaceOperand, setInput } from '../ownConstant';

/**
 * Folds a BatchNormalization into the one layer that reads it, where that is exact: a Conv without padding (padding
 * would have to be shifted too), a Gemm, or a MatMul of two axes. With x' = f·x + s per input channel, the weights are
 * multiplied by f, and the sum of s·w over the inputs of an output is added to its bias.
 * @param onFold is told of each node that is folded away.
 */
export function foldNormBefore(model: Model, onFold: (norm: NodeRef) => void): Model {
  const index = indexGraph(model);
  const { main } = index;
  const norms = main ? index.nodesOf(main).filter(isNorm) : [];
  if (norms.length === 0) return model;
  const shapes = inferShapes(index);
  const changes = new GraphChanges(model);
  const layers = new Set<NodeRef>();
  for (const norm of norms) {
    const fold = planFold(index, shapes, norm);
    if (!fold || layers.has(fold.layer)) continue;
    layers.add(fold.layer);
    applyFold(index, changes, fold);
    onFold(norm);
  }
  return changes.apply();
}

interface Fold {
  readonly norm: NodeRef;
  readonly layer: NodeRef;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly layout: Layout;
  readonly readAffine: () => Promise<Affine>;
}

/** Which input and output channel an element of a weight connects. */
interface Layout {
  readonly inputs: number;
  readonly outputs: number;
  readonly inputOf: (position: number) => number;
  readonly outputOf: (position: number) => number;
}

function isNorm({ node }: NodeRef): boolean {
  return node.opType === 'BatchNormalization' && normalDomain(node.domain) === '';
}

function planFold(index: GraphIndex, shapes: Shapes, norm: NodeRef): Fold | undefined {
  const { scope } = norm;
  const value = norm.node.output[0] ?? '';
  const [layer, ...others] = index.consumers(scope, value);
  if (!layer || others.length > 0 || layer.scope !== scope || index.isOutput(scope, value)) return undefined;
  // Only as the data, and only once.
  if (layer.node.input.lastIndexOf(value) !== 0) return undefined;
  const weight = floatConstant(index, layer, 1);
  const layout = weight && layoutOf(layer, weight, shapes.of(scope, value)?.length);
  const readAffine = layout && normalization(index, norm, layout.inputs);
  const bias = biasOf(index, layer, layout?.outputs);
  if (!readAffine || bias.kind === 'other') return undefined;
  const tensor = bias.kind === 'constant' ? bias.tensor : undefined;
  return { norm, layer, weight, bias: tensor, layout, readAffine };
}

function layoutOf({ node }: NodeRef, { dims }: Tensor, rank: number | undefined): Layout | undefined {
  if (normalDomain(node.domain) !== '') return undefined;
  const [rows = 0, columns = 0] = dims;
  const byColumn: Layout = {
    inputs: rows,
    outputs: columns,
    inputOf: (position) => Math.floor(position / columns),
    outputOf: (position) => position % columns,
  };
  switch (node.opType) {
    case 'MatMul':
      return rank === 2 && dims.length === 2 ? byColumn : undefined;
    case 'Gemm': {
      if (attrInt(node, 'transA', 0) !== 0) return undefined;
      if (attrInt(node, 'transB', 0) === 0) return byColumn;
      return {
        inputs: columns,
        outputs: rows,
        inputOf: (position) => position % columns,
        outputOf: (position) => Math.floor(position / columns),
      };
    }
    case 'Conv': {
      if (!['NOTSET', 'VALID'].includes(attrString(node, 'auto_pad', 'NOTSET'))) return undefined;
      if (attrInts(node, 'pads')?.some((pad) => pad !== 0)) return undefined;
      const groups = attrInt(node, 'group', 1);
      const taps = dims.slice(2).reduce((product, size) => product * size, 1);
      const perGroup = rows / groups;
      const outputOf = (position: number) => Math.floor(position / (taps * columns));
      return {
        inputs: columns * groups,
        outputs: rows,
        outputOf,
        inputOf: (position) =>
          Math.floor(outputOf(position) / perGroup) * columns + (Math.floor(position / taps) % columns),
      };
    }
    default:
      return undefined;
  }
}

function applyFold(index: GraphIndex, changes: GraphChanges, fold: Fold): void {
  const { norm, layer, weight, bias, layout, readAffine } = fold;
  const affine = collectable(readAffine);
  const isGemm = layer.node.opType === 'Gemm';
  const alpha = isGemm ? attrFloat(layer.node, 'alpha', 1) : 1;
  const beta = isGemm ? attrFloat(layer.node, 'beta', 1) : 1;
  replaceOperand(index, changes, layer, 1, (name) =>
    lazyFloatTensor(name, weight.dims, async () => {
      const { scale } = await affine();
      return (await readFloat32(weight)).map((value, i) => value * (scale[layout.inputOf(i)] ?? 0));
    }),
  );
  const shifted = (name: string) =>
    lazyFloatTensor(name, [layout.outputs], async () => {
      const { scale, shift, mean } = await affine();
      const sums = new Float64Array(layout.outputs);
      for (const [i, value] of (await readFloat32(weight)).entries()) {
        const input = layout.inputOf(i);
        const offset = (shift[input] ?? 0) - (mean[input] ?? 0) * (scale[input] ?? 0);
        const output = layout.outputOf(i);
        sums[output] = (sums[output] ?? 0) + value * offset;
      }
      const before = bias
        ? await biasPerChannel(bias, layout.outputs, readFloat32)
        : new Float32Array(layout.outputs);
      return before.map((value, output) => beta * value + alpha * (sums[output] ?? 0));
    });
  if (layer.node.opType === 'MatMul') {
    const product = changes.fresh(`${layer.name}_product`);
    const name = changes.fresh(`${layer.name}.bias`);
    changes.addInitializer(shifted(name));
    const add = makeNode({
      opType: 'Add',
      name: changes.fresh(`${layer.name}_Add`),
      input: [product, name],
      output: layer.node.output,
    });
    changes.insertAfter(layer.node, add);
    changes.edit(layer.node, { output: [product] });
  } else if (bias) {
    replaceOperand(index, changes, layer, 2, shifted);
  } else {
    const name = changes.fresh(`${layer.name}.bias`);
    changes.addInitializer(shifted(name));
    setInput(changes, layer, 2, name);
  }
  setInput(changes, layer, 0, norm.node.input[0] ?? '');
  const attribute = changes.current(layer.node).attribute.filter(({ name }) => name !== 'beta');
  if (beta !== 1) changes.edit(layer.node, { attribute });
  changes.replace(norm.node);
}
