import { indexGraph, type GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { attrFloat, normalDomain } from '../onnx/attributes';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Model } from '../onnx/types';
import { GraphChanges } from './graphChanges';
import { lazyFloatTensor } from './lazyTensor';
import { replaceOperand } from './ownConstant';

/**
 * Multiplies the factors of each Gemm into its constant operands: alpha into B, beta into C. The runtime's integer
 * Gemm takes no beta, and ONNX Runtime's tool drops it. Without C, beta goes: a bias folded in later must not meet it.
 */
export function foldGemmFactors(model: Model): Model {
  const index = indexGraph(model);
  const main = index.main;
  if (!main) return model;
  const changes = new GraphChanges(model);
  for (const ref of index.nodesOf(main)) {
    if (ref.node.opType !== 'Gemm' || normalDomain(ref.node.domain) !== '') continue;
    foldInto(index, changes, ref, 'alpha', isConstant(index, ref, 1) ? 1 : 0);
    foldInto(index, changes, ref, 'beta', 2);
  }
  return changes.apply();
}

function foldInto(
  index: GraphIndex,
  changes: GraphChanges,
  ref: NodeRef,
  name: string,
  position: number,
): void {
  const factor = attrFloat(ref.node, name, 1);
  if (factor === 1) return;
  const value = ref.node.input[position] ?? '';
  if (value !== '') {
    const tensor = index.constant(ref.scope, value)?.tensor;
    if (!tensor || !isConstant(index, ref, position)) return;
    replaceOperand(index, changes, ref, position, (newName) =>
      lazyFloatTensor(newName, tensor.dims, async () =>
        (await readFloat32(tensor)).map((element) => element * factor),
      ),
    );
  }
  const attribute = changes.current(ref.node).attribute.filter((held) => held.name !== name);
  changes.edit(ref.node, { attribute });
}

function isConstant(index: GraphIndex, { node, scope }: NodeRef, position: number): boolean {
  const constant = index.constant(scope, node.input[position] ?? '');
  return constant?.tensor.dataType === DataType.FLOAT && !constant.overridable;
}
