import { normalDomain } from '../onnx/attributes';
import type { Model, Node, Tensor, Type } from '../onnx/types';
import { constantTensor } from './constantNode';
import { collectScopes, functionId } from './scopes';
import { type SortedNodes, sortNodes } from './topological';
import type { TracedConstant } from './traceWeight';
import type { ConstantRef, NodeRef, Scope } from './types';

/** What is known about one value name in the scope that defines it. */
interface Definition {
  readonly scope: Scope;
  producer?: NodeRef;
  initializer?: Tensor;
  isInput: boolean;
  isOutput: boolean;
  /** Named as an output by a subgraph further in. */
  escapes: boolean;
  type?: Type;
  consumers?: NodeRef[];
  /** null: it was looked for in vain. */
  traced?: TracedConstant | null;
}

interface ScopeTable {
  readonly nodes: readonly NodeRef[];
  readonly definitions: Map<string, Definition>;
  /** Values of this scope that a node's subgraphs read. */
  readonly captured: Map<NodeRef, Set<string>>;
  sorted?: SortedNodes;
}

/**
 * A model as a graph. Every look-up takes the scope where the name is used and follows ONNX scoping: a subgraph sees
 * the values of the graphs around it unless it defines the name itself; a function body sees nothing outside.
 * The empty name is an absent optional and is never found.
 */
export class GraphIndex {
  /** The main graph first, then subgraphs level by level, then functions with theirs. */
  readonly scopes: readonly Scope[];
  /** Every node of every scope, in the order of `scopes` and of the file. */
  readonly nodes: readonly NodeRef[];
  private readonly tables = new Map<Scope, ScopeTable>();
  private byName: Map<string, NodeRef> | undefined;
  private readonly inner = new Map<NodeRef, Scope[]>();
  private readonly functions = new Map<string, Scope>();
  private readonly calls = new Map<Scope, NodeRef[]>();
  private readonly constantNodes = new Map<NodeRef, ConstantRef | undefined>();
  /** Look-ups come in runs for one scope, and there are many for each node of a large model. */
  private latest: { readonly scope: Scope; readonly table: ScopeTable } | undefined;

  constructor(readonly model: Model) {
    const found = collectScopes(model);
    this.scopes = found.map(({ scope }) => scope);
    this.nodes = found.flatMap(({ nodes }) => nodes);
    for (const { scope, nodes } of found) this.addScope(scope, nodes);
    for (const { scope, nodes } of found) {
      for (const ref of nodes) this.addUses(scope, ref);
      this.addOutputs(scope);
    }
  }

  /** The scope of the main graph; undefined for a model without one. */
  get main(): Scope | undefined {
    return this.scopes[0]?.kind === 'graph' ? this.scopes[0] : undefined;
  }

  nodeNamed(name: string): NodeRef | undefined {
    this.byName ??= new Map(this.nodes.map((ref) => [ref.name, ref]));
    return this.byName.get(name);
  }

  /** The nodes of one scope, in file order. */
  nodesOf(scope: Scope): readonly NodeRef[] {
    return this.tableOf(scope)?.nodes ?? [];
  }

  /** The nodes of one scope, each after those it needs; what stands on a cycle comes last, in file order. */
  sortedNodes(scope: Scope): readonly NodeRef[] {
    const table = this.tables.get(scope);
    if (!table) return [];
    table.sorted ??= sortNodes(table.nodes, (ref) => this.needs(ref));
    return table.sorted.nodes;
  }

  /** Nodes that wait for themselves, with those behind them; a model that has any cannot run. */
  nodesOnCycles(scope: Scope): readonly NodeRef[] {
    return this.sortedNodes(scope).slice(this.tables.get(scope)?.sorted?.acyclic);
  }

  /** The nodes of the same scope that a node, or a subgraph inside it, reads from. */
  needs(ref: NodeRef): readonly NodeRef[] {
    const definitions = this.tableOf(ref.scope)?.definitions;
    const needed: NodeRef[] = [];
    for (const value of this.reads(ref)) {
      const producer = definitions?.get(value)?.producer;
      if (producer) needed.push(producer);
    }
    return needed;
  }

  /** The values that a node, or a subgraph inside it, reads from its scope and those around it; absent ones are empty. */
  reads(ref: NodeRef): readonly string[] {
    const captured = this.tableOf(ref.scope)?.captured.get(ref);
    return captured ? [...ref.node.input, ...captured] : ref.node.input;
  }

  /** The subgraphs that a node's attributes hold, in file order. */
  subgraphs(ref: NodeRef): readonly Scope[] {
    return this.inner.get(ref) ?? [];
  }

  /** The model's function that a node calls, if it calls one. */
  calledFunction(node: Node): Scope | undefined {
    if (this.functions.size === 0) return undefined;
    return this.functions.get(
      functionId({ domain: node.domain, name: node.opType, overload: node.overload }),
    );
  }

  /** The nodes that call a function. */
  callers(functionScope: Scope): readonly NodeRef[] {
    return this.calls.get(functionScope) ?? [];
  }

  /** The scope that defines a value seen from `scope`: this one or one around it. */
  definingScope(scope: Scope, value: string): Scope | undefined {
    return this.find(scope, value)?.scope;
  }

  /** The node that computes a value; undefined for inputs, initializers and unknown names. */
  producer(scope: Scope, value: string): NodeRef | undefined {
    return this.find(scope, value)?.producer;
  }

  /** Every node that reads a value, inside subgraphs too, once each. */
  consumers(scope: Scope, value: string): readonly NodeRef[] {
    return this.find(scope, value)?.consumers ?? [];
  }

  /** The tensor behind a value that is known before the model runs: an initializer or the output of a Constant node. */
  constant(scope: Scope, value: string): ConstantRef | undefined {
    const found = this.find(scope, value);
    if (!found) return undefined;
    const { scope: at, producer, initializer, isInput } = found;
    if (producer) return this.constantOf(producer);
    if (!initializer) return undefined;
    const overridable = at.kind === 'graph' && this.model.irVersion >= 4 && isInput;
    return { tensor: initializer, kind: 'initializer', scope: at, ...(overridable && { overridable }) };
  }

  /** What `trace` finds behind a value, looked for once: it is the same wherever the value is seen from. */
  traced(
    scope: Scope,
    value: string,
    trace: (index: GraphIndex, scope: Scope, value: string) => TracedConstant | undefined,
  ): TracedConstant | undefined {
    const found = this.find(scope, value);
    if (!found) return undefined;
    if (found.traced === undefined) found.traced = trace(this, found.scope, value) ?? null;
    return found.traced ?? undefined;
  }

  /** True for an input that must be fed: one that has no initializer. */
  isInput(scope: Scope, value: string): boolean {
    const found = this.find(scope, value);
    return found !== undefined && found.isInput && !found.initializer;
  }

  /** True when the scope that defines the value, or a subgraph that captures it, gives it out as an output. */
  isOutput(scope: Scope, value: string): boolean {
    const found = this.find(scope, value);
    return found !== undefined && (found.isOutput || found.escapes);
  }

  /** The type that the file declares for a value: of an input, output or value_info. */
  declaredType(scope: Scope, value: string): Type | undefined {
    return this.find(scope, value)?.type;
  }

  /**
   * Follows a function's input to the value at its only call. Undefined when the value is not a function's input or
   * the function is called from several places.
   */
  argumentOf(scope: Scope, value: string): { scope: Scope; value: string } | undefined {
    if (this.functions.size === 0) return undefined;
    const at = this.definingScope(scope, value);
    if (at?.kind !== 'function' || !('opsetImport' in at.container)) return undefined;
    const position = at.container.input.indexOf(value);
    const [caller, ...others] = this.callers(at);
    const argument = caller?.node.input[position];
    return !caller || others.length > 0 || !argument ? undefined : { scope: caller.scope, value: argument };
  }

  /** Initializers of a scope, in file order. */
  initializers(scope: Scope): readonly Tensor[] {
    return 'initializer' in scope.container ? scope.container.initializer : [];
  }

  /** The opset version in force in a scope; 0 when the domain is not imported. */
  opset(scope: Scope, domain: string): number {
    let at = scope;
    while (at.parent) at = at.parent;
    const imports = 'opsetImport' in at.container ? at.container.opsetImport : this.model.opsetImport;
    const wanted = normalDomain(domain);
    return imports.find((entry) => normalDomain(entry.domain) === wanted)?.version ?? 0;
  }

  private find(scope: Scope, value: string): Definition | undefined {
    if (value === '') return undefined;
    for (let at: Scope | undefined = scope; at; at = at.parent) {
      const definition = this.tableOf(at)?.definitions.get(value);
      if (definition) return definition;
    }
    return undefined;
  }

  private tableOf(scope: Scope): ScopeTable | undefined {
    if (this.latest?.scope === scope) return this.latest.table;
    const table = this.tables.get(scope);
    if (table) this.latest = { scope, table };
    return table;
  }

  private constantOf(ref: NodeRef): ConstantRef | undefined {
    if (ref.node.opType !== 'Constant') return undefined;
    if (!this.constantNodes.has(ref)) {
      const tensor = constantTensor(ref.node);
      this.constantNodes.set(ref, tensor && { tensor, kind: 'constant', node: ref, scope: ref.scope });
    }
    return this.constantNodes.get(ref);
  }

  private addScope(scope: Scope, nodes: readonly NodeRef[]): void {
    const definitions = new Map<string, Definition>();
    this.tables.set(scope, { nodes, definitions, captured: new Map() });
    const define = (name: string): Definition | undefined => {
      if (name === '') return undefined;
      let definition = definitions.get(name);
      if (!definition) {
        definition = {
          scope,
          producer: undefined,
          initializer: undefined,
          isInput: false,
          isOutput: false,
          escapes: false,
          type: undefined,
          consumers: undefined,
          traced: undefined,
        };
        definitions.set(name, definition);
      }
      return definition;
    };
    const { container } = scope;
    if (scope.owner) appendTo(this.inner, scope.owner, scope);
    if ('opsetImport' in container) this.functions.set(functionId(container), scope);
    for (const input of container.input) {
      const definition = define(typeof input === 'string' ? input : input.name);
      if (definition) definition.isInput = true;
      if (definition && typeof input !== 'string') definition.type = input.type;
    }
    for (const tensor of this.initializers(scope)) {
      const definition = define(tensor.name);
      if (definition) definition.initializer = tensor;
    }
    for (const ref of nodes) {
      for (const output of ref.node.output) {
        const definition = define(output);
        if (definition) definition.producer ??= ref;
      }
    }
    const declared =
      'initializer' in container ? [...container.valueInfo, ...container.output] : container.valueInfo;
    for (const { name, type } of declared) {
      const definition = definitions.get(name);
      if (definition && type) definition.type ??= type;
    }
  }

  /** Notes a node as consumer of its inputs, and what the nodes around it capture on its behalf. */
  private addUses(scope: Scope, ref: NodeRef): void {
    const called = this.calledFunction(ref.node);
    if (called) appendTo(this.calls, called, ref);
    for (const value of ref.node.input) {
      const definition = this.noteCapture(scope, value);
      if (!definition) continue;
      const { consumers } = definition;
      // Most values have one consumer: pushed to an empty list, it would take room for 17 (V8).
      if (!consumers) definition.consumers = [ref];
      // One that reads a value twice has been added a moment ago.
      else if (consumers.at(-1) !== ref) consumers.push(ref);
    }
  }

  private addOutputs(scope: Scope): void {
    for (const output of scope.container.output) {
      const name = typeof output === 'string' ? output : output.name;
      const found = this.noteCapture(scope, name);
      if (found?.scope === scope) found.isOutput = true;
      else if (found) found.escapes = true;
    }
  }

  /** Finds `value`; where it is defined further out, the node there that holds `scope` needs the value. */
  private noteCapture(scope: Scope, value: string): Definition | undefined {
    const found = this.find(scope, value);
    if (!found || found.scope === scope) return found;
    let holder = scope.owner;
    for (let at = scope.parent; at && at !== found.scope; at = at.parent) holder = at.owner;
    const captured = this.tableOf(found.scope)?.captured;
    if (holder && captured) captured.set(holder, (captured.get(holder) ?? new Set()).add(value));
    return found;
  }
}

function appendTo<K, V>(lists: Map<K, V[]>, key: K, item: V): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

const indexes = new WeakMap<Model, GraphIndex>();

/**
 * Indexes a model: linear in nodes, values and (for captured values) nesting depth. Reads no payload. Models do not change, so
 * that one index serves whoever asks again.
 */
export function indexGraph(model: Model): GraphIndex {
  const index = indexes.get(model) ?? new GraphIndex(model);
  indexes.set(model, index);
  return index;
}
