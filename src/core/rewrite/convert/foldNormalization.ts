import { type GraphIndex, indexGraph } from '../../graph/graphIndex';
import type { NodeRef } from '../../graph/types';
import { normalDomain } from '../../onnx/attributes';
import type { Model, Node } from '../../onnx/types';
import { dropIdentities } from '../dropIdentities';
import { foldChannelAffine } from '../foldChannelAffine';
import { foldConstants } from '../foldConstants';
import { Notes } from '../notes';
import { storeWidened } from '../widenedTensor';
import type { Converted } from './converted';
import { foldMatMulAffine } from './foldMatMulAffine';
import { foldNormBefore } from './foldNormBefore';
import { listOldInitializers } from './listOldInitializers';

/**
 * Folds BatchNormalization, and Mul and Add with a constant per channel, into the weights and bias of the Conv,
 * ConvTranspose, Gemm or MatMul before it; where there is none, BatchNormalization into the layer behind it where that
 * is exact. What stands between them and their constants (Identity, Expand, Cast...) is computed; nothing else is
 * changed. The opset stays. Reads no payload: the new weights are computed when they are read.
 */
export function foldNormalization(model: Model): Converted {
  let changed = 0;
  const count = () => void changed++;
  const direct = dropIdentities(model, nodesAround(model));
  const bare = foldConstants(direct, nodesAround(direct));
  const after = foldMatMulAffine(foldChannelAffine(bare, count), count);
  const folded = foldNormBefore(after, count);
  if (changed === 0) return { model, changed, notes: [] };
  const result = listOldInitializers(storeWidened(folded));
  return { model: result, changed, notes: notesOn(result) };
}

/** Operators that stand between a constant as stored and as read. */
const betweenConstants: readonly string[] = [
  'Identity',
  'Dropout',
  'Shape',
  'Cast',
  'CastLike',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Expand',
  'Transpose',
];
const layers: readonly string[] = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];
/** Nodes looked at between an operand and its constants; real files have up to ten. */
const mostSteps = 64;

/** The nodes on the way from constants, or from a layer, to a node that may be folded. */
function nodesAround(model: Model): ReadonlySet<Node> {
  const index = indexGraph(model);
  const { main } = index;
  const found = new Set<Node>();
  const seen = new Set<string>();
  const queue: { readonly ref: NodeRef; readonly from: number }[] = [];
  for (const ref of main ? index.nodesOf(main) : []) {
    const isNorm = isDefault(ref, 'BatchNormalization');
    if (isNorm || (isDefault(ref, 'Add', 'Mul') && hasConstantOperand(index, ref)))
      queue.push({ ref, from: 0 });
    // The weight and bias of a layer behind a normalization.
    const readers = isNorm ? index.consumers(ref.scope, ref.node.output[0] ?? '') : [];
    for (const reader of readers) queue.push({ ref: reader, from: 1 });
  }
  for (const { ref, from } of queue) {
    for (const value of ref.node.input.slice(from)) {
      const producer = index.producer(ref.scope, value);
      if (!producer || producer.scope !== main || seen.has(value)) continue;
      seen.add(value);
      if (isDefault(producer, ...betweenConstants)) found.add(producer.node);
      if (isDefault(producer, ...betweenConstants, 'Add')) queue.push({ ref: producer, from: 0 });
      else if (isDefault(producer, ...layers)) queue.push({ ref: producer, from: 1 });
    }
  }
  return found;
}

function hasConstantOperand(index: GraphIndex, { node, scope }: NodeRef): boolean {
  return node.input.some((value) => {
    const pending = [value];
    for (const each of pending) {
      if (each === '' || index.constant(scope, each)) continue;
      const producer = index.producer(scope, each);
      if (!producer || !isDefault(producer, ...betweenConstants) || pending.length > mostSteps) return false;
      pending.push(...producer.node.input);
    }
    return true;
  });
}

function notesOn(model: Model): string[] {
  const index = indexGraph(model);
  const notes = new Notes();
  for (const ref of index.nodes) {
    if (!isDefault(ref, 'BatchNormalization')) continue;
    notes.add(
      ref.name,
      'Not folded: a BatchNormalization folds only in inference, with constant statistics, into a Conv, ConvTranspose, Gemm or MatMul with constant weights that stands alone before it (or, without padding, behind it).',
    );
  }
  return notes.sentences();
}

function isDefault({ node }: NodeRef, ...opTypes: readonly string[]): boolean {
  return normalDomain(node.domain) === '' && opTypes.includes(node.opType);
}
