import { InputError } from '../errors';
import { type GraphIndex, indexGraph } from '../graph/graphIndex';
import { inferShapes, type Shapes } from '../graph/shapes';
import type { NodeRef, Scope } from '../graph/types';
import { normalDomain } from '../onnx/attributes';
import { makeNode } from '../onnx/build';
import { derive } from '../onnx/origin';
import { inlineFloats, inlineInts } from '../onnx/tensor';
import type { Attribute, Graph, Model, Node, OperatorSetId, Tensor } from '../onnx/types';
import type { AdapterContext } from './opset/adapter';
import { adapters } from './opset/adapters';

/** IR version that a file of this opset has at least (ONNX's table of releases). */
const irVersions: readonly (readonly [opset: number, ir: number])[] = [
  [7, 3],
  [9, 4],
  [10, 5],
  [11, 6],
  [12, 7],
  [15, 8],
  [19, 9],
  [21, 10],
];

export interface RaisedModel {
  readonly model: Model;
  readonly notes: readonly string[];
}

/**
 * Raises the default operator set to `target`, one version at a time, in the main graph, its subgraphs and the model's
 * functions, so that the model computes the same. Models that are there already are returned as they are.
 * @param dims sizes for symbolic dimensions.
 * @throws InputError naming the node and operator whose change of meaning cannot be bridged.
 */
export function raiseOpset(
  model: Model,
  target: number,
  dims: Readonly<Record<string, number>> = {},
): RaisedModel {
  const from = defaultOpset(model.opsetImport);
  let raised = model;
  for (let version = lowestOpset(model) + 1; version <= target; version++) {
    raised = raiseTo(raised, version, target, dims);
  }
  if (raised === model || from === undefined || from >= target) return { model: raised, notes: [] };
  const irVersion = irVersions.reduce(
    (ir, [opset, least]) => (target >= opset ? Math.max(ir, least) : ir),
    3,
  );
  return {
    model: derive(raised, { irVersion: Math.max(raised.irVersion, irVersion) }),
    notes: [
      `The model's operator set was raised from ${from} to ${target}, which the formats of the plan need.`,
    ],
  };
}

/** Version of the default operator set among `imports`. */
export function defaultOpset(imports: readonly OperatorSetId[]): number | undefined {
  return imports.find(({ domain }) => normalDomain(domain) === '')?.version;
}

function lowestOpset({ opsetImport, functions }: Model): number {
  const versions = [opsetImport, ...functions.map((each) => each.opsetImport)].map(defaultOpset);
  return Math.min(...versions.map((version) => version ?? Infinity));
}

/** One step for everything that is at `version - 1`. */
function raiseTo(
  model: Model,
  version: number,
  target: number,
  dims: Readonly<Record<string, number>>,
): Model {
  const step = new Step(model, version, target, dims);
  const isBefore = (imports: readonly OperatorSetId[]) => defaultOpset(imports) === version - 1;
  const opsetImport = (imports: readonly OperatorSetId[]) =>
    imports.map((entry) => (normalDomain(entry.domain) === '' ? derive(entry, { version }) : entry));
  const functions = model.functions.map((each) =>
    isBefore(each.opsetImport)
      ? derive(each, { opsetImport: opsetImport(each.opsetImport), node: step.raiseNodes(each.node) })
      : each,
  );
  return derive(model, {
    ...(functions.some((each, position) => each !== model.functions[position]) && { functions }),
    ...(isBefore(model.opsetImport) && {
      opsetImport: opsetImport(model.opsetImport),
      graph: model.graph && step.raiseGraph(model.graph),
    }),
  });
}

class Step {
  private readonly index: GraphIndex;
  private readonly refs: ReadonlyMap<Node, NodeRef>;
  private readonly taken: Set<string>;
  private inferred: Shapes | undefined;

  constructor(
    model: Model,
    private readonly version: number,
    /** The version that all steps lead to, for messages. */
    private readonly target: number,
    private readonly dims: Readonly<Record<string, number>>,
  ) {
    this.index = indexGraph(model);
    this.refs = new Map(this.index.nodes.map((ref) => [ref.node, ref]));
    this.taken = new Set(
      this.index.nodes.flatMap(({ name, node }) => [name, node.name, ...node.input, ...node.output]),
    );
  }

  raiseGraph(graph: Graph): Graph {
    const node = this.raiseNodes(graph.node);
    return node === graph.node ? graph : derive(graph, { node });
  }

  /** The nodes after this step; the same list when none changed. */
  raiseNodes(nodes: readonly Node[]): readonly Node[] {
    const raised = nodes.map((node) => this.raiseNode(node));
    const isSame = raised.every((group, position) => group.length === 1 && group[0] === nodes[position]);
    return isSame ? nodes : raised.flat();
  }

  private raiseNode(original: Node): readonly Node[] {
    const node = this.raiseSubgraphs(original);
    const step = adapters[this.version];
    const adapter = step && Object.hasOwn(step, node.opType) ? step[node.opType] : undefined;
    const ref = this.refs.get(original);
    if (!adapter || !ref || normalDomain(node.domain) !== '') return [node];
    const constants: Node[] = [];
    const context = this.contextOf(ref, constants);
    const given = node.attribute.find(({ refAttrName }) => refAttrName !== '');
    if (given) context.refuse(`its attribute ${given.name} is set by the callers of its function`);
    const adapted = adapter(node, context);
    return [...constants, ...adapted];
  }

  private raiseSubgraphs(node: Node): Node {
    const attribute = node.attribute.map((held) => this.raiseAttribute(held));
    return attribute.some((held, position) => held !== node.attribute[position])
      ? derive(node, { attribute })
      : node;
  }

  private raiseAttribute(held: Attribute): Attribute {
    const g = held.g && this.raiseGraph(held.g);
    const graphs = held.graphs.map((graph) => this.raiseGraph(graph));
    const isSame = g === held.g && graphs.every((graph, position) => graph === held.graphs[position]);
    return isSame ? held : derive(held, { g, graphs });
  }

  private contextOf(ref: NodeRef, constants: Node[]): AdapterContext {
    const { node, scope } = ref;
    const operand = (position: number) => this.index.constant(scope, node.input[position] ?? '')?.tensor;
    return {
      constant: (tensor) => this.addConstant(ref, tensor, constants),
      fresh: (wanted) => this.fresh(wanted),
      ints: (position) => {
        const tensor = operand(position);
        return tensor && inlineInts(tensor);
      },
      floats: (position) => {
        const tensor = operand(position);
        const values = tensor && inlineFloats(tensor);
        return values && Array.from(values);
      },
      shape: (position) => this.shapes().of(scope, node.input[position] ?? ''),
      isRead: (position) => this.isRead(scope, node.output[position] ?? ''),
      refuse: (why) => {
        throw new InputError(
          `${ref.name} (${node.opType}) cannot be raised to opset ${this.version}, on the way to ${this.target}, which the formats of the plan need: ${why}. Export the model with opset ${this.target} or newer.`,
        );
      },
    };
  }

  private addConstant(ref: NodeRef, tensor: Tensor, constants: Node[]): string {
    const output = this.fresh(`${ref.node.output[0] ?? ref.name}_constant`);
    const value = derive(tensor, { name: output });
    constants.push(
      makeNode({
        opType: 'Constant',
        name: this.fresh(`${ref.name}_Constant`),
        input: [],
        output: [output],
        attributes: { value },
      }),
    );
    return output;
  }

  private fresh(wanted: string): string {
    let name = wanted;
    for (let suffix = 1; this.taken.has(name); suffix++) name = `${wanted}_${suffix}`;
    this.taken.add(name);
    return name;
  }

  private isRead(scope: Scope, value: string): boolean {
    if (value === '') return false;
    return this.index.isOutput(scope, value) || this.index.consumers(scope, value).length > 0;
  }

  private shapes(): Shapes {
    this.inferred ??= inferShapes(this.index, this.dims);
    return this.inferred;
  }
}
