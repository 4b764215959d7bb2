import type { NodeRef } from '../graph/types';
import { familyOf, type GraphSide } from './graphSide';
import { pairNames } from './pairNames';

/** Operators that quantizing may fold into the layer before them, or express by a range. */
const absorbable: ReadonlySet<string> = new Set([
  'Add',
  'BatchNormalization',
  'Div',
  'Mul',
  'Pad',
  'Relu',
  'Sub',
]);

/** Longest chain of nodes without counterpart between two matched ones. */
const LONGEST_EXTRA = 8;

export interface Matches {
  /** Node of a → the node of b that computes the same. */
  readonly nodes: ReadonlyMap<NodeRef, NodeRef>;
  /** Nodes of a that b has folded into what stands before them. */
  readonly absorbed: ReadonlySet<NodeRef>;
  /** Value of a → the root of b that stands for it; of values that b does not tell apart, all have the same. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Finds the nodes and values of two models that mean the same. Nodes match by name where operator and inputs agree, else by
 * what they read, operator and weight. What quantization adds or folds away (Q/DQ pairs, casts, BatchNormalization, Relu,
 * Dropout, a bias taken out of a Gemm) is seen through, and so are values of other names.
 */
export function matchValues(a: GraphSide, b: GraphSide): Matches {
  return new Matcher(a, b).match();
}

class Matcher {
  private readonly nodes = new Map<NodeRef, NodeRef>();
  private readonly claimed = new Set<NodeRef>();
  private readonly absorbed = new Set<NodeRef>();
  private readonly values = new Map<string, string>();
  private readonly byName: ReadonlyMap<string, NodeRef>;
  private readonly namesOfA: ReadonlySet<string>;

  constructor(
    private readonly a: GraphSide,
    private readonly b: GraphSide,
  ) {
    this.byName = new Map(b.nodes.map((ref) => [ref.name, ref]));
    this.namesOfA = new Set(a.nodes.map(({ name }) => name));
  }

  match(): Matches {
    const { a, b, values } = this;
    for (const [ofB, ofA] of pairNames(a.inputs, b.inputs)) values.set(ofA, ofB);
    for (const ref of a.nodes) this.visit(ref);
    for (const [ofA, ofB] of this.nodes) this.alignInputs(a.dataInputs(ofA), b.dataInputs(ofB));
    for (const [ofB, ofA] of pairNames(a.outputs, b.outputs)) {
      this.alignInputs([a.root(ofA)], [b.root(ofB)]);
    }
    return { nodes: this.nodes, absorbed: this.absorbed, values };
  }

  private visit(ref: NodeRef): void {
    const { a, b, values } = this;
    const [first = ''] = ref.node.output;
    if (!a.isVariable(first)) return;
    if (a.isFormat(ref)) return;
    const found = this.namesake(ref) ?? this.alike(ref);
    if (found) {
      this.nodes.set(ref, found);
      this.claimed.add(found);
      values.set(a.result(ref), b.result(found));
      for (const [position, value] of ref.node.output.entries()) {
        const other = found.node.output[position];
        if (position > 0 && value && other) values.set(value, other);
      }
      return;
    }
    const [input, ...others] = new Set(a.dataInputs(ref));
    const before = input === undefined ? undefined : values.get(input);
    if (before === undefined || others.length > 0 || !absorbable.has(familyOf(ref))) return;
    this.absorbed.add(ref);
    values.set(first, before);
  }

  /** The node of b of the same name, or with the ending that ONNX Runtime's tool gives, unless it does something else. */
  private namesake(ref: NodeRef): NodeRef | undefined {
    const candidates = [ref.name, `${ref.name}_quant`].flatMap((name) => this.byName.get(name) ?? []);
    return candidates.find((candidate) => {
      if (this.claimed.has(candidate) || familyOf(candidate) !== familyOf(ref)) return false;
      const wanted = this.mappedInputs(ref);
      const given = this.b.dataInputs(candidate);
      // Nodes that b has besides may stand before it.
      return wanted.length === 0 || wanted.some((value) => given.some((at) => this.leadsTo(value, at)));
    });
  }

  /** The one node of b that reads the same, does the same, and has a weight of the same shape. */
  private alike(ref: NodeRef): NodeRef | undefined {
    const wanted = this.mappedInputs(ref);
    const [first] = wanted;
    if (first === undefined || wanted.length < this.a.dataInputs(ref).length) return undefined;
    const shape = this.weightShape(this.a, ref);
    const candidates = new Set(this.b.readers(first));
    return [...candidates].find(
      (candidate) =>
        candidate.scope === this.b.main &&
        !this.claimed.has(candidate) &&
        !this.namesOfA.has(candidate.name) &&
        familyOf(candidate) === familyOf(ref) &&
        this.weightShape(this.b, candidate) === shape &&
        wanted.every((value, position) => this.b.dataInputs(candidate)[position] === value),
    );
  }

  private weightShape(side: GraphSide, ref: NodeRef): string {
    return (
      side.layers
        .get(ref)
        ?.weights.map(({ shape }) => shape.join('×'))
        .join() ?? ''
    );
  }

  /** What stands in b for the inputs of a node of a, as far as it is known. */
  private mappedInputs(ref: NodeRef): string[] {
    return this.a.dataInputs(ref).flatMap((value) => this.values.get(value) ?? []);
  }

  /**
   * Where a matched node of b reads something else than what its input in a was mapped to, b has nodes besides: what they
   * give is what stands for the value.
   */
  private alignInputs(ofA: readonly string[], ofB: readonly string[]): void {
    if (ofA.length !== ofB.length) return;
    for (const [position, value] of ofA.entries()) {
      const read = ofB[position];
      const before = this.values.get(value);
      if (read === undefined || read === before) continue;
      if (before === undefined || this.leadsTo(before, read)) this.values.set(value, read);
    }
  }

  /** True when only nodes that nothing in a stands for, of one input each, lie between two values of b. */
  private leadsTo(from: string, to: string): boolean {
    let at = to;
    for (let length = 0; length <= LONGEST_EXTRA; length++) {
      if (at === from) return true;
      const ref = this.b.producer(at);
      if (!ref || this.claimed.has(ref)) return false;
      const [input, ...others] = new Set(this.b.dataInputs(ref));
      if (input === undefined || others.length > 0) return false;
      at = input;
    }
    return false;
  }
}
