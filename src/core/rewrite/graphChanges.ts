import { subgraphsOf } from '../onnx/attributes';
import { makeNode } from '../onnx/build';
import { derive } from '../onnx/origin';
import type { Attribute, Graph, Model, ModelFunction, Node, Tensor } from '../onnx/types';
import { dropUnused } from './unused';

/** What holds nodes: the main graph, a subgraph of a node, or a function's body. */
export type Container = Graph | ModelFunction;

/** What is added to one container. */
interface Additions {
  readonly first: Node[];
  readonly initializers: Tensor[];
  readonly removedInitializers: Set<string>;
  readonly renamed: Map<string, string>;
}

type Rename = (name: string) => string;

/**
 * Collects changes to a model and applies them at once: to its main graph, the subgraphs inside, and its functions.
 * Nodes, containers and values are those of the model as it was. What the changes leave unread (initializers, nodes,
 * value_info) goes too. A node stands in one container only, so that methods which take a node need no container;
 * the others mean the main graph unless told otherwise.
 */
export class GraphChanges {
  private readonly replaced = new Map<Node, readonly Node[]>();
  private readonly before = new Map<Node, Node[]>();
  private readonly after = new Map<Node, Node[]>();
  private readonly additions = new Map<Container, Additions>();
  private readonly taken = new Set<string>();
  private readonly graph: Graph;

  constructor(private readonly model: Model) {
    if (!model.graph) throw new Error('the model has no graph');
    this.graph = model.graph;
    for (const container of [model.graph, ...model.functions]) collectNames(container, this.taken);
  }

  get isEmpty(): boolean {
    return this.replaced.size + this.before.size + this.after.size + this.additions.size === 0;
  }

  /** A name that no value, node or initializer of any scope has: `wanted`, or `wanted_1`, `wanted_2`... */
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

  /** Puts nodes at the start of the main graph. */
  insertFirst(...nodes: Node[]): void {
    this.insertFirstIn(this.graph, ...nodes);
  }

  /** Puts nodes at the start of a graph or function body, after the constants that were added to it. */
  insertFirstIn(container: Container, ...nodes: Node[]): void {
    this.additionsTo(container).first.push(...nodes);
  }

  /** Adds a constant; in a function's body, which has no initializers, as a Constant node. */
  addInitializer(tensor: Tensor, container: Container = this.graph): void {
    this.additionsTo(container).initializers.push(tensor);
  }

  /** Takes a constant back that `addInitializer` added. */
  withdrawInitializer(tensor: Tensor, container: Container = this.graph): void {
    const { initializers } = this.additionsTo(container);
    const position = initializers.indexOf(tensor);
    if (position >= 0) initializers.splice(position, 1);
  }

  /** Takes an initializer away although its name may be read still: a node gives that value now. */
  removeInitializer(name: string, container: Container = this.graph): void {
    this.additionsTo(container).removedInitializers.add(name);
  }

  /** Lets every reader of `from`, in subgraphs too, read `to`. The producer is not touched. */
  redirect(from: string, to: string, container: Container = this.graph): void {
    this.additionsTo(container).renamed.set(from, to);
  }

  /** The changed model; the same object when nothing changed. */
  apply(): Model {
    if (this.isEmpty) return this.model;
    const keep: Rename = (name) => name;
    const graph = this.rebuildGraph(this.graph, keep);
    const functions = this.model.functions.map((each) => this.rebuildFunction(each, keep));
    const isSame = functions.every((each, position) => each === this.model.functions[position]);
    return derive(this.model, { graph, ...(!isSame && { functions }) });
  }

  private additionsTo(container: Container): Additions {
    let additions = this.additions.get(container);
    if (!additions) {
      additions = { first: [], initializers: [], removedInitializers: new Set(), renamed: new Map() };
      this.additions.set(container, additions);
    }
    return additions;
  }

  private rebuildFunction(body: ModelFunction, outer: Rename): ModelFunction {
    const target = this.renaming(body, outer);
    const constants = (this.additions.get(body)?.initializers ?? []).map((tensor) =>
      makeNode({
        opType: 'Constant',
        name: this.fresh(`${tensor.name}_Constant`),
        input: [],
        output: [tensor.name],
        attributes: { value: tensor },
      }),
    );
    const node = this.rebuildNodes(body, target, constants);
    return node === body.node ? body : dropUnused(body, derive(body, { node }));
  }

  private rebuildGraph(graph: Graph, outer: Rename): Graph {
    const target = this.renaming(graph, outer);
    const node = this.rebuildNodes(graph, target, []);
    const additions = this.additions.get(graph);
    const initializer = additions
      ? [
          ...graph.initializer.filter(({ name }) => !additions.removedInitializers.has(name)),
          ...additions.initializers,
        ]
      : graph.initializer;
    // A subgraph may give out a value of the graph around it. The outputs of the main graph keep their names.
    const output =
      graph === this.graph
        ? graph.output
        : graph.output.map((value) =>
            target(value.name) === value.name ? value : derive(value, { name: target(value.name) }),
          );
    const isSame =
      node === graph.node &&
      initializer === graph.initializer &&
      output.every((value, position) => value === graph.output[position]);
    return isSame ? graph : dropUnused(graph, derive(graph, { node, initializer, output }));
  }

  /** What reads inside a container are called now. Names that it defines hide those of the graphs around it. */
  private renaming(container: Container, outer: Rename): Rename {
    const own = this.additions.get(container)?.renamed;
    const defined = new Set(container.input.map((input) => (typeof input === 'string' ? input : input.name)));
    if ('initializer' in container) for (const { name } of container.initializer) defined.add(name);
    for (const { output } of container.node) for (const name of output) defined.add(name);
    return (name) => {
      let at = name;
      for (let next = own?.get(at); next !== undefined; next = own?.get(at)) at = next;
      return at !== name || defined.has(at) ? at : outer(at);
    };
  }

  /** The nodes of a container after the changes; the same list when there are none. */
  private rebuildNodes(container: Container, target: Rename, constants: readonly Node[]): readonly Node[] {
    const nodes = [
      ...constants,
      ...(this.additions.get(container)?.first ?? []),
      ...container.node.flatMap((node) => [
        ...(this.before.get(node) ?? []),
        ...(this.replaced.get(node) ?? [node]).map((kept) => this.rebuildNode(kept, target)),
        ...(this.after.get(node) ?? []),
      ]),
    ];
    const isSame =
      nodes.length === container.node.length &&
      nodes.every((node, position) => node === container.node[position]);
    return isSame ? container.node : nodes;
  }

  private rebuildNode(node: Node, target: Rename): Node {
    const input = node.input.map(target);
    const attribute = node.attribute.map((held) => this.rebuildAttribute(held, target));
    const inputChanged = input.some((name, position) => name !== node.input[position]);
    const attributeChanged = attribute.some((held, position) => held !== node.attribute[position]);
    if (!inputChanged && !attributeChanged) return node;
    return derive(node, { ...(inputChanged && { input }), ...(attributeChanged && { attribute }) });
  }

  private rebuildAttribute(held: Attribute, target: Rename): Attribute {
    const g = held.g && this.rebuildGraph(held.g, target);
    const graphs = held.graphs.map((graph) => this.rebuildGraph(graph, target));
    if (g === held.g && graphs.every((graph, position) => graph === held.graphs[position])) return held;
    return derive(held, { g, graphs });
  }
}

function append(lists: Map<Node, Node[]>, node: Node, nodes: readonly Node[]): void {
  const list = lists.get(node);
  if (list) list.push(...nodes);
  else lists.set(node, [...nodes]);
}

/** Names of the values, nodes and initializers of a graph or function body, with those of its subgraphs. */
export function collectNames(container: Container, names: Set<string>): void {
  for (const input of container.input) names.add(typeof input === 'string' ? input : input.name);
  if ('initializer' in container) for (const { name } of container.initializer) names.add(name);
  for (const node of container.node) {
    names.add(node.name);
    for (const output of node.output) names.add(output);
    for (const { graph } of subgraphsOf(node)) collectNames(graph, names);
  }
}
