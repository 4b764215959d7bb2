import type { GraphIndex } from '../graph/graphIndex';
import type { Scope } from '../graph/types';
import type { Node, Tensor } from '../onnx/types';
import type { GraphChanges } from './graphChanges';
import type { ConstantTarget } from './weights/encodedWeight';

/**
 * Where the stored form of a constant goes: into the graph or function body that holds the constant, so that branches
 * which share it share one form, and the body of a loop does not make it anew each time.
 */
export class ConstantSite implements ConstantTarget {
  /** The only reader of the constant, if it stands in the same scope: new nodes come right before it, else first. */
  private readonly reader: Node | undefined;

  /** @param scope holds the constant `value`. */
  constructor(
    index: GraphIndex,
    private readonly changes: GraphChanges,
    private readonly scope: Scope,
    value: string,
  ) {
    const [reader, ...others] = index.consumers(scope, value);
    const isAlone = others.length === 0 && reader?.scope === scope && !index.isOutput(scope, value);
    this.reader = isAlone ? reader.node : undefined;
  }

  fresh(wanted: string): string {
    return this.changes.fresh(wanted);
  }

  addInitializer(tensor: Tensor): void {
    this.changes.addInitializer(tensor, this.scope.container);
  }

  /** Adds nodes that compute the constant, in their order; the site knows where. */
  insertBefore(_reader: Node, ...nodes: Node[]): void {
    if (this.reader) this.changes.insertBefore(this.reader, ...nodes);
    else this.changes.insertFirstIn(this.scope.container, ...nodes);
  }
}
