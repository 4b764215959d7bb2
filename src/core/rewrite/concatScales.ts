import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef, Scope } from '../graph/types';
import { isPassThrough } from './operators';

/** What placement knows so far; `roots` (value → value whose range it takes) is changed. */
export interface ConcatContext {
  readonly index: GraphIndex;
  readonly staticNodes: ReadonlySet<NodeRef>;
  readonly clips: ReadonlyMap<NodeRef, NodeRef>;
  readonly roots: Map<string, string>;
  /** Values that the plan gives formats of their own. */
  readonly overrides: ReadonlyMap<string, unknown>;
}

/**
 * Lets tensors that only a Concat reads take the Concat's scale from the start: they are rounded once instead of
 * twice, and the runtime copies codes instead of converting them. Not where a Relu or Clip ends some branches and not
 * others: the common zero point could then not perform it. Nor where the plan says what one of the tensors is like.
 */
export function shareConcatScales(context: ConcatContext): void {
  for (const ref of context.staticNodes) {
    if (ref.node.opType !== 'Concat') continue;
    const output = context.roots.get(ref.node.output[0] ?? '');
    const branches = ref.node.input.map((value) => context.roots.get(value));
    if (output === undefined || branches.includes(undefined)) continue;
    const groups = branches.map((branch) => membersOf(context, branch ?? ''));
    if ([output, ...groups.flat()].some((value) => context.overrides.has(value))) continue;
    const ends = new Set(
      groups.flatMap((group) => group.flatMap((value) => endOf(context, ref.scope, value))),
    );
    if (ends.size > 1 || !groups.every((group) => isReadOnlyBy(context, ref, group))) continue;
    for (const value of groups.flat()) context.roots.set(value, output);
  }
}

function membersOf({ roots }: ConcatContext, root: string): string[] {
  return [...roots].flatMap(([value, itsRoot]) => (itsRoot === root ? [value] : []));
}

/** The kind of Relu or Clip that ends the computation of a value, as text to compare; none for values passed on. */
function endOf({ index, clips }: ConcatContext, scope: Scope, value: string): string[] {
  const producer = index.producer(scope, value);
  if (!producer) return ['none'];
  if ([...clips.values()].includes(producer)) {
    return [[producer.node.opType, ...producer.node.input.slice(1)].join(' ')];
  }
  return producer.node.opType === 'Concat' || isPassThrough(index, producer) ? [] : ['none'];
}

function isReadOnlyBy(
  { index, staticNodes, roots }: ConcatContext,
  concat: NodeRef,
  group: string[],
): boolean {
  return group.every((value) => {
    if (index.isOutput(concat.scope, value)) return false;
    return index.consumers(concat.scope, value).every((reader) => {
      if (reader === concat) return true;
      // A pass-through operator whose result is in the group too.
      return (
        staticNodes.has(reader) &&
        reader.node.output.every((passed) => roots.get(passed) === roots.get(value))
      );
    });
  });
}
