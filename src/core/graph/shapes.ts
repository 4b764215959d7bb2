import { attribute } from '../onnx/attributes';
import type { Tensor, Type } from '../onnx/types';
import type { GraphIndex } from './graphIndex';
import { operatorKey } from './operands';
import { complete, type Facts, isNumber, join, type Operation, unknown } from './shapeRules/facts';
import { ruleFor } from './shapeRules/rules';
import { smallValues } from './shapeRules/smallValues';
import type { NodeRef, Scope, Shape } from './types';

/** Shapes and element types of the values of a model. */
export interface Shapes {
  /** Shape of a value seen from `scope`; undefined when not even the rank is known. */
  of(scope: Scope, value: string): Shape | undefined;
  /** A `DataType`; 0 when unknown. */
  dtypeOf(scope: Scope, value: string): number;
  /** Symbolic dimensions of the model's inputs, in order of appearance. */
  readonly symbols: readonly string[];
}

/** Functions may call functions; deeper chains than this are left unknown (real exporters nest modules, about ten). */
const deepestCall = 64;

/**
 * Nodes worked through, as a multiple of the nodes in the file. A Loop's body is gone through up to three times, so
 * nested loops multiply: past this, what is inside stays unknown.
 */
const workPerNode = 50;

/** Shapes of more dimensions are not followed; ONNX Runtime's own limit is lower for nearly all operators. */
const mostDimensions = 64;

/** Different argument shapes for which one function's body is worked through again. */
const mostVariants = 16;

/**
 * Propagates shapes and element types from the inputs, initializers and declarations of a model through every operator
 * with a rule, into subgraphs and functions. What no rule tells is taken from the file's own declarations, else unknown.
 * @param dims sizes for symbolic dimensions, by name. An unnamed dimension of a model input can be set as
 * `input.axis`, such as `x.0`.
 * @param only nodes of the main graph, each after those it needs: what the others give stays unknown.
 */
export function inferShapes(
  index: GraphIndex,
  dims: Readonly<Record<string, number>> = {},
  only?: readonly NodeRef[],
): Shapes {
  return new ShapeInference(index, dims, only);
}

class ShapeInference implements Shapes {
  private readonly facts = new Map<Scope, Map<string, Facts>>();
  private readonly variants = new Map<Scope, Map<string, readonly Facts[]>>();
  private readonly found = new Set<string>();
  private depth = 0;
  private workLeft: number;

  constructor(
    private readonly index: GraphIndex,
    private readonly dims: Readonly<Record<string, number>>,
    private readonly only: readonly NodeRef[] | undefined,
  ) {
    this.workLeft = (index.nodes.length + 100) * workPerNode;
    const { main } = index;
    if (main) this.inferScope(main, []);
    if (only) return;
    // Functions that nothing calls, and those past a limit, still show what their own nodes tell.
    for (const scope of index.scopes) if (!this.facts.has(scope)) this.inferScope(scope, []);
  }

  get symbols(): readonly string[] {
    return [...this.found];
  }

  of(scope: Scope, value: string): Shape | undefined {
    return this.lookUp(scope, value).shape;
  }

  dtypeOf(scope: Scope, value: string): number {
    return this.lookUp(scope, value).dtype;
  }

  private lookUp(scope: Scope, value: string): Facts {
    const own = value === '' ? undefined : this.facts.get(scope)?.get(value);
    if (own) return own;
    const at = this.index.definingScope(scope, value);
    return (at && this.facts.get(at)?.get(value)) ?? unknown;
  }

  /** Works through a scope; what an earlier pass found (another call, another round of a loop) is joined. */
  private inferScope(scope: Scope, inputs: readonly Facts[]): readonly Facts[] {
    const { container } = scope;
    this.workLeft -= 1 + container.node.length;
    if (this.workLeft < 0) return [];
    const before = this.facts.get(scope);
    const table = new Map<string, Facts>();
    this.facts.set(scope, table);
    for (const [position, input] of container.input.entries()) {
      const name = typeof input === 'string' ? input : input.name;
      const names = scope.kind === 'graph' ? name : undefined;
      table.set(name, bounded(complete(inputs[position] ?? unknown, this.declared(scope, name, names))));
    }
    const only = scope === this.index.main ? this.only : undefined;
    for (const tensor of only ? this.initializersOf(only) : this.index.initializers(scope))
      table.set(tensor.name, bounded(factsOfTensor(tensor)));
    for (const ref of only ?? this.index.sortedNodes(scope)) {
      const outputs = this.inferNode(ref);
      for (const [position, name] of ref.node.output.entries()) {
        if (name === '') continue;
        table.set(name, bounded(complete(outputs[position] ?? unknown, this.declared(scope, name))));
      }
    }
    const results = container.output.map((output) =>
      this.lookUp(scope, typeof output === 'string' ? output : output.name),
    );
    for (const [name, facts] of before ?? []) table.set(name, join(facts, table.get(name) ?? unknown));
    return results;
  }

  /** The initializers of the main graph that some of its nodes read. */
  private initializersOf(refs: readonly NodeRef[]): readonly Tensor[] {
    return refs.flatMap((ref) =>
      this.index.reads(ref).flatMap((value) => {
        const constant = this.index.constant(ref.scope, value);
        return constant?.kind === 'initializer' ? constant.tensor : [];
      }),
    );
  }

  private inferNode(ref: NodeRef): readonly Facts[] {
    const { node, scope } = ref;
    const constant = this.index.constant(scope, node.output[0] ?? '');
    if (constant?.node === ref) return [factsOfTensor(constant.tensor)];
    const called = this.index.calledFunction(node);
    if (called)
      return this.inferCall(
        called,
        node.input.map((value) => this.lookUp(scope, value)),
      );
    const rule = ruleFor(operatorKey(node));
    if (!rule) {
      for (const inner of this.index.subgraphs(ref)) this.inferScope(inner, []);
      return [];
    }
    return rule(this.operation(ref));
  }

  private operation(ref: NodeRef): Operation {
    const { node, scope } = ref;
    return {
      node,
      opset: this.index.opset(scope, node.domain),
      input: (position) => this.lookUp(scope, node.input[position] ?? ''),
      has: (position) => Boolean(node.input[position]),
      subgraph: (name, inputs) => {
        const graph = attribute(node, name)?.g;
        const inner = this.index.subgraphs(ref).find((candidate) => candidate.container === graph);
        return inner ? this.inferScope(inner, inputs) : [];
      },
    };
  }

  private inferCall(called: Scope, inputs: readonly Facts[]): readonly Facts[] {
    const variants = this.variants.get(called) ?? new Map<string, readonly Facts[]>();
    this.variants.set(called, variants);
    const key = JSON.stringify(inputs);
    const cached = variants.get(key);
    if (cached) return cached;
    if (this.depth >= deepestCall || variants.size >= mostVariants) return [];
    // A function that calls itself (forbidden, but a file may) finds this entry.
    variants.set(key, []);
    this.depth++;
    const outputs = this.inferScope(called, inputs);
    this.depth--;
    variants.set(key, outputs);
    return outputs;
  }

  private declared(scope: Scope, value: string, inputName?: string): Facts {
    return this.factsOfType(this.index.declaredType(scope, value), inputName);
  }

  /** @param inputName of a model input: its symbols are collected, and its unnamed dimensions get a name. */
  private factsOfType(type: Type | undefined, inputName?: string): Facts {
    if (!type?.tensorType) return unknown;
    const { elemType, shape } = type.tensorType;
    return {
      dtype: elemType,
      shape: shape?.dim.map(({ dimValue, dimParam }, axis) => {
        // Some exporters write -1 for a free dimension.
        if (isNumber(dimValue) && dimValue >= 0) return dimValue;
        const symbol = dimParam || (inputName === undefined ? '' : `${inputName}.${axis}`);
        if (symbol === '') return null;
        if (inputName !== undefined) this.found.add(symbol);
        return Object.hasOwn(this.dims, symbol) ? (this.dims[symbol] ?? null) : symbol;
      }),
    };
  }
}

function bounded(facts: Facts): Facts {
  return (facts.shape?.length ?? 0) > mostDimensions ? { dtype: facts.dtype } : facts;
}

function factsOfTensor(tensor: Tensor): Facts {
  return { dtype: tensor.dataType, shape: tensor.dims, values: smallValues(tensor) };
}
