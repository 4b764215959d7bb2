import { InputError } from '../../errors';
import { indexGraph } from '../../graph/graphIndex';
import { inferShapes } from '../../graph/shapes';
import { constantTensor } from '../../graph/constantNode';
import { normalDomain } from '../../onnx/attributes';
import { derive } from '../../onnx/origin';
import {
  DataType,
  type Graph,
  type Model,
  type ModelFunction,
  type Node,
  type ValueInfo,
} from '../../onnx/types';
import { collectNames } from '../graphChanges';
import { castNode } from '../castNode';
import { defaultOpset } from '../opset';
import { attributeHasHalf, isHalf, mapSame, typeHasHalf, widenAttribute, widenValue } from './widenParts';

/** Name in a scope → the name to read instead. */
type Target = (name: string) => string;

/**
 * A model that computes in float32 what a float16 model computes in half precision: the same function, without the
 * rounding of its intermediate values. float16 constants stay as they are stored, with a Cast behind them, so that the
 * file does not grow. Graph inputs and outputs keep their type. Subgraphs and functions are included.
 * @returns the same object when nothing in it is float16.
 * @throws InputError naming the node or input, where the type cannot be changed
 */
export function widenFloat16(model: Model): Model {
  const { graph } = model;
  if (!graph || !hasFloat16(model)) return model;
  const taken = new Set<string>();
  collectNames(graph, taken);
  const functions = mapSame(model.functions, (each) => {
    for (const { name, output } of each.node) for (const used of [name, ...output]) taken.add(used);
    return each;
  });
  const widener = new Widener(taken, mainOutputs(model));
  const opset = defaultOpset(model.opsetImport) ?? 0;
  const widened = widener.graph(graph, (name) => name, true);
  const bodies = mapSame(functions, (each) => widener.function(each, opset));
  if (widened === graph && bodies === model.functions) return model;
  return derive(model, { graph: widened, functions: bodies });
}

/** True when a constant, a declared value or a node's attribute is float16. */
export function hasFloat16(model: Model): boolean {
  const index = indexGraph(model);
  return (
    index.scopes.some(
      (scope) =>
        index.initializers(scope).some(isHalf) ||
        ('initializer' in scope.container &&
          [...scope.container.input, ...scope.container.output].some(({ type }) => typeHasHalf(type))),
    ) ||
    index.nodes.some(
      ({ node }) => isHalfConstant(node) || node.attribute.some((held) => attributeHasHalf(node, held)),
    )
  );
}

/** The float16 outputs of the main graph, declared so or not. */
interface HalfOutputs {
  /** Computed in float16. */
  readonly computed: ReadonlySet<string>;
  /** Cast from float32 already, by these nodes. */
  readonly cast: ReadonlyMap<string, Node>;
}

function mainOutputs(model: Model): HalfOutputs {
  const index = indexGraph(model);
  const { main } = index;
  const computed = new Set<string>();
  const cast = new Map<string, Node>();
  if (!main || !model.graph) return { computed, cast };
  const shapes = inferShapes(index);
  for (const { name } of model.graph.output) {
    if (shapes.dtypeOf(main, name) !== (DataType.FLOAT16 as number)) continue;
    const node = index.producer(main, name)?.node;
    const isCast = node && isCastTo(node, DataType.FLOAT16);
    if (isCast && shapes.dtypeOf(main, node.input[0] ?? '') === (DataType.FLOAT as number)) {
      cast.set(name, node);
    } else {
      computed.add(name);
    }
  }
  return { computed, cast };
}

function isHalfConstant(node: Node): boolean {
  if (node.opType !== 'Constant' || normalDomain(node.domain) !== '') return false;
  const sparse = node.attribute.find(({ name }) => name === 'sparse_value')?.sparseTensor?.values;
  const tensor = sparse ?? constantTensor(node);
  return tensor !== undefined && isHalf(tensor);
}

class Widener {
  constructor(
    private readonly taken: Set<string>,
    private readonly outputs: HalfOutputs,
  ) {}

  /** @param outer what the graph around this one calls its values now. */
  graph(graph: Graph, outer: Target, isMain: boolean): Graph {
    const constants = [
      ...graph.initializer.filter(isHalf).map(({ name }) => name),
      ...graph.sparseInitializer.flatMap(({ values }) => (values && isHalf(values) ? [values.name] : [])),
    ];
    const constantNames = new Set(constants);
    const defined = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    const scope = new WidenedScope(this, graph, [...defined], outer, isMain ? this.outputs : undefined);
    for (const name of constants) scope.keep(name);
    if (isMain) {
      [...graph.input, ...graph.output].forEach(refuseSequence);
      const inputs = graph.input.filter(({ name, type }) => !constantNames.has(name) && typeHasHalf(type));
      for (const { name } of inputs) scope.keep(name);
      for (const name of this.outputs.computed) if (!defined.has(name)) scope.renameOutput(name);
      for (const name of this.outputs.cast.keys()) scope.keep(name);
    }
    const widenUnlessKept = (value: ValueInfo) => (scope.isKept(value.name) ? value : widenValue(value));
    const changes = { node: scope.widen(), valueInfo: mapSame(graph.valueInfo, widenUnlessKept) };
    const isBodySame = changes.node === graph.node && changes.valueInfo === graph.valueInfo;
    if (isMain) return isBodySame ? graph : derive(graph, changes);
    const input = mapSame(graph.input, widenUnlessKept);
    const output = mapSame(graph.output, (value) => {
      const name = scope.target(value.name);
      return widenValue(name === value.name ? value : derive(value, { name }));
    });
    const isSame = isBodySame && input === graph.input && output === graph.output;
    return isSame ? graph : derive(graph, { ...changes, input, output });
  }

  function(each: ModelFunction, opset: number): ModelFunction {
    const scope = new WidenedScope(this, each, each.input, (name) => name, undefined);
    const node = scope.widen();
    const attributeProto = mapSame(each.attributeProto, (held) => widenAttribute(undefined, held));
    if (node === each.node && attributeProto === each.attributeProto) return each;
    const hasDefault = defaultOpset(each.opsetImport) !== undefined;
    return derive(each, {
      node,
      output: mapSame(each.output, (name) => scope.target(name)),
      attributeProto,
      valueInfo: mapSame(each.valueInfo, (value) => (scope.isKept(value.name) ? value : widenValue(value))),
      ...(!hasDefault && { opsetImport: [...each.opsetImport, { domain: '', version: opset }] }),
    });
  }

  fresh(wanted: string): string {
    let name = wanted;
    for (let suffix = 1; this.taken.has(name); suffix++) name = `${wanted}_${suffix}`;
    this.taken.add(name);
    return name;
  }
}

/** One graph or function body while it is rewritten. */
class WidenedScope {
  private readonly own: ReadonlySet<string>;
  /** float16 values that stay: constants and graph inputs → their float32 copies. */
  private readonly kept = new Map<string, string>();
  /** float16 graph outputs → what computes them in float32. */
  private readonly computed = new Map<string, string>();
  private readonly used = new Set<string>();

  constructor(
    private readonly widener: Widener,
    private readonly container: Graph | ModelFunction,
    defined: readonly string[],
    private readonly outer: Target,
    /** Of the main graph only. */
    private readonly mainOutputs: HalfOutputs | undefined,
  ) {
    this.own = new Set([...defined, ...container.node.flatMap(({ output }) => output)]);
    for (const node of container.node) if (isHalfConstant(node)) this.keep(node.output[0] ?? '');
  }

  keep(name: string): void {
    this.kept.set(name, this.widener.fresh(`${name}_float32`));
  }

  renameOutput(name: string): void {
    if (!this.kept.has(name)) this.computed.set(name, this.widener.fresh(`${name}_float32`));
  }

  isKept(name: string): boolean {
    return this.kept.has(name) || this.computed.has(name);
  }

  readonly target: Target = (name) => {
    if (!this.own.has(name)) return this.outer(name);
    const copy = this.kept.get(name);
    if (copy !== undefined) this.used.add(name);
    return copy ?? this.computed.get(name) ?? name;
  };

  widen(): readonly Node[] {
    const body = mapSame(this.container.node, (node) => this.node(node));
    if (!this.mainOutputs) {
      // A constant of this scope may be given out as it is.
      for (const output of this.container.output)
        this.target(typeof output === 'string' ? output : output.name);
    }
    if (this.used.size + this.computed.size === 0) return body;
    const isProduced = new Set(this.container.node.flatMap(({ output }) => output));
    const first = [...this.used].filter((name) => !isProduced.has(name)).map((name) => this.castOf(name));
    const nodes = body.flatMap((node) => [
      node,
      ...node.output.filter((name) => this.used.has(name)).map((name) => this.castOf(name)),
    ]);
    const last = Array.from(this.computed, ([name, wide]) => castNode(wide, name, DataType.FLOAT16));
    return [...first, ...nodes, ...last];
  }

  private castOf(name: string): Node {
    return castNode(name, this.kept.get(name) ?? '', DataType.FLOAT);
  }

  private node(node: Node): Node {
    if (isHalfConstant(node)) return node;
    const input = mapSame(node.input, (name) =>
      // A Cast to float32 reads what is stored.
      isCastTo(node, DataType.FLOAT) && this.kept.has(name) ? name : this.target(name),
    );
    const output = mapSame(node.output, (name) => this.computed.get(name) ?? name);
    const isOutputCast = this.mainOutputs?.cast.get(node.output[0] ?? '') === node;
    const attribute = mapSame(node.attribute, (held) => {
      if (isOutputCast) return held;
      const graphs = mapSame(held.graphs, (each) => this.widener.graph(each, this.target, false));
      const g = held.g && this.widener.graph(held.g, this.target, false);
      const changed = g !== held.g || graphs !== held.graphs;
      return widenAttribute(node, changed ? derive(held, { g, graphs }) : held);
    });
    if (input === node.input && output === node.output && attribute === node.attribute) return node;
    return derive(node, { input, output, attribute });
  }
}

/** @throws InputError for a graph input or output that no Cast can change. */
function refuseSequence({ name, type }: ValueInfo): void {
  if (type?.tensorType !== undefined || !typeHasHalf(type)) return;
  throw new InputError(
    `"${name}" is a sequence, optional or sparse tensor of float16, which Roundoff cannot make float32.`,
  );
}

function isCastTo({ opType, domain, attribute }: Node, type: DataType): boolean {
  if (opType !== 'Cast' || normalDomain(domain) !== '') return false;
  return attribute.some(({ name, i }) => name === 'to' && i === BigInt(type));
}
