import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import type { Node, Tensor } from '../onnx/types';
import type { GraphChanges } from './graphChanges';

/**
 * Where the stored form of a constant goes: into the graph or function body that holds the constant, so that branches
 * which share it share one form, and the body of a loop does not make it anew each time.
 */
export class ConstantSite {
  private constructor(
    private readonly changes: GraphChanges,
    private readonly container: NodeRef['scope']['container'],
    /** The node that the new ones stand before; undefined: they come first. */
    private readonly before: Node | undefined,
  ) {}

  /**
   * @param value the constant, as `reader` sees it.
   * @param reader one of its readers, or a node that reads it through others of the same scope.
   */
  static of(index: GraphIndex, changes: GraphChanges, value: string, reader: NodeRef): ConstantSite {
    const scope = index.definingScope(reader.scope, value) ?? reader.scope;
    const isAlone = index.consumers(scope, value).length === 1 && !index.isOutput(scope, value);
    return new ConstantSite(
      changes,
      scope.container,
      isAlone && scope === reader.scope ? reader.node : undefined,
    );
  }

  addInitializer(tensor: Tensor): void {
    this.changes.addInitializer(tensor, this.container);
  }

  /** Adds nodes that compute the constant from initializers of this site, in their order. */
  insert(...nodes: Node[]): void {
    if (this.before) this.changes.insertBefore(this.before, ...nodes);
    else this.changes.insertFirstIn(this.container, ...nodes);
  }
}
