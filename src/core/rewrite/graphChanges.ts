import { subgraphsOf } from '../onnx/attributes';
import { derive } from '../onnx/origin';
import type { Attribute, Graph, Model, Node, Tensor } from '../onnx/types';

/** Several new nodes in place of one. */
type Replacement = readonly Node[];

/**
 * Collects changes to a model's main graph and applies them at once. Nodes and values are those of the model as it
 * was; what nothing reads any more afterwards (initializers, Constant nodes, value_info) goes too.
 */
export class GraphChanges {
  private readonly replaced = new Map<Node, Replacement>();
  private readonly before = new Map<Node, Node[]>();
  private readonly after = new Map<Node, Node[]>();
  private readonly first: Node[] = [];
  private readonly initializers: Tensor[] = [];
  private readonly removedInitializers = new Set<string>();
  private readonly renamed = new Map<string, string>();
  private readonly taken = new Set<string>();
  private readonly graph: Graph;

  constructor(private readonly model: Model) {
    if (!model.graph) throw new Error('the model has no graph');
    this.graph = model.graph;
    collectNames(this.graph, this.taken);
  }

  get isEmpty(): boolean {
    return (
      this.replaced.size + this.before.size + this.after.size + this.renamed.size === 0 &&
      this.first.length + this.initializers.length + this.removedInitializers.size === 0
    );
  }

  /** A name that no value, node or initializer has: `wanted`, or `wanted_1`, `wanted_2`... */
  fresh(wanted: string): string {
    let name = wanted;
    for (let suffix = 1; this.taken.has(name); suffix++) name = `${wanted}_${suffix}`;
    this.taken.add(name);
    return name;
  }

  /** Puts `nodes` where `node` was; none removes it. A second call replaces the first. */
  replace(node: Node, ...nodes: Node[]): void {
    this.replaced.set(node, nodes);
  }

  /** What stands for `node` after the changes so far; the node itself when it was not replaced by exactly one. */
  current(node: Node): Node {
    const replacement = this.replaced.get(node);
    return replacement?.length === 1 ? (replacement[0] ?? node) : node;
  }

  /** Changes fields of the node that stands for `node`. */
  edit(node: Node, changes: Partial<Node>): void {
    this.replace(node, derive(this.current(node), changes));
  }

  insertBefore(node: Node, ...nodes: Node[]): void {
    append(this.before, node, nodes);
  }

  insertAfter(node: Node, ...nodes: Node[]): void {
    append(this.after, node, nodes);
  }

  /** Puts nodes at the start of the graph. */
  insertFirst(...nodes: Node[]): void {
    this.first.push(...nodes);
  }

  addInitializer(tensor: Tensor): void {
    this.initializers.push(tensor);
  }

  /** Takes an initializer away although its name may be read still: a node gives that value now. */
  removeInitializer(name: string): void {
    this.removedInitializers.add(name);
  }

  /** Lets every reader of `from`, in subgraphs too, read `to`. The producer is not touched. */
  redirect(from: string, to: string): void {
    this.renamed.set(from, to);
  }

  /** The changed model; the same object when nothing changed. */
  apply(): Model {
    if (this.isEmpty) return this.model;
    const nodes = [
      ...this.first,
      ...this.graph.node.flatMap((node) => [
        ...(this.before.get(node) ?? []),
        ...(this.replaced.get(node) ?? [node]).map((kept) => this.redirectInputs(kept)),
        ...(this.after.get(node) ?? []),
      ]),
    ];
    const changed = derive(this.graph, {
      node: nodes,
      initializer: [
        ...this.graph.initializer.filter(({ name }) => !this.removedInitializers.has(name)),
        ...this.initializers,
      ],
    });
    return derive(this.model, { graph: dropUnused(this.graph, changed) });
  }

  private redirectInputs(node: Node): Node {
    if (this.renamed.size === 0) return node;
    return redirectNode(node, (name) => this.target(name));
  }

  private target(name: string): string {
    let at = name;
    for (let next = this.renamed.get(at); next !== undefined; next = this.renamed.get(at)) at = next;
    return at;
  }
}

function append(lists: Map<Node, Node[]>, node: Node, nodes: readonly Node[]): void {
  const list = lists.get(node);
  if (list) list.push(...nodes);
  else lists.set(node, [...nodes]);
}

function collectNames(graph: Graph, names: Set<string>): void {
  for (const { name } of [...graph.input, ...graph.initializer]) names.add(name);
  for (const node of graph.node) {
    names.add(node.name);
    for (const output of node.output) names.add(output);
    for (const subgraph of subgraphsOf(node)) collectNames(subgraph.graph, names);
  }
}

/** A node whose inputs, also those of its subgraphs, are renamed; the same node when none is. */
function redirectNode(node: Node, target: (name: string) => string): Node {
  const input = node.input.map(target);
  const attribute = node.attribute.map((held) => redirectAttribute(held, target));
  const inputChanged = input.some((name, position) => name !== node.input[position]);
  const attributeChanged = attribute.some((held, position) => held !== node.attribute[position]);
  if (!inputChanged && !attributeChanged) return node;
  return derive(node, { ...(inputChanged && { input }), ...(attributeChanged && { attribute }) });
}

function redirectAttribute(held: Attribute, target: (name: string) => string): Attribute {
  const g = held.g && redirectGraph(held.g, target);
  const graphs = held.graphs.map((graph) => redirectGraph(graph, target));
  if (g === held.g && graphs.every((graph, position) => graph === held.graphs[position])) return held;
  return derive(held, { g, graphs });
}

function redirectGraph(graph: Graph, outer: (name: string) => string): Graph {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const { output } of graph.node) for (const name of output) own.add(name);
  const target = (name: string) => (own.has(name) ? name : outer(name));
  const node = graph.node.map((inner) => redirectNode(inner, target));
  // A subgraph may give out a value of the graph around it.
  const output = graph.output.map((value) =>
    target(value.name) === value.name ? value : derive(value, { name: target(value.name) }),
  );
  const nodeChanged = node.some((inner, position) => inner !== graph.node[position]);
  const outputChanged = output.some((value, position) => value !== graph.output[position]);
  if (!nodeChanged && !outputChanged) return graph;
  return derive(graph, { ...(nodeChanged && { node }), ...(outputChanged && { output }) });
}

/** Leaves out constants that `before` read and `after` does not, and the types of values that are gone. */
function dropUnused(before: Graph, after: Graph): Graph {
  const readBefore = namesRead(before);
  const readAfter = namesRead(after);
  const isDropped = (name: string) => readBefore.has(name) && !readAfter.has(name);
  const node = after.node.filter(
    ({ opType, output }) => opType !== 'Constant' || output.length === 0 || !output.every(isDropped),
  );
  const initializer = after.initializer.filter(({ name }) => !isDropped(name));
  const initialized = new Set(before.initializer.map(({ name }) => name));
  const input = after.input.filter(({ name }) => !initialized.has(name) || !isDropped(name));
  const defined = new Set([...initializer, ...input].map(({ name }) => name));
  for (const { output } of node) for (const name of output) defined.add(name);
  const valueInfo = after.valueInfo.filter(({ name }) => defined.has(name));
  return derive(after, {
    node,
    initializer,
    ...(input.length !== after.input.length && { input }),
    ...(valueInfo.length !== after.valueInfo.length && { valueInfo }),
  });
}

function namesRead(graph: Graph, names = new Set<string>()): Set<string> {
  for (const node of graph.node) {
    for (const input of node.input) names.add(input);
    for (const subgraph of subgraphsOf(node)) namesRead(subgraph.graph, names);
  }
  for (const { name } of graph.output) names.add(name);
  return names;
}
