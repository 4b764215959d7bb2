import { bytesOfTensors } from '../calibrate/floats';
import { throwIfCancelled } from '../errors';
import { indexGraph } from '../graph/graphIndex';
import { borderOf, cutBefore, type KnownValue } from '../graph/suffix';
import { makeValueInfo } from '../onnx/build';
import { derive } from '../onnx/origin';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Graph, type Model, type Node, type Tensor } from '../onnx/types';
import type { CancelSignal, Feeds, Runtime, RuntimeTensor, Session } from '../ports';

/** Of the values kept of all samples together: with more, nothing is kept. */
const KEPT_BYTES = 256 * 2 ** 20;

/** What all versions of a model share: the values before the part that changes. */
interface Known {
  /** Of each sample: values of the main graph that all versions compute alike. */
  readonly values: readonly Feeds[];
  readonly kinds: ReadonlyMap<string, KnownValue>;
}

/** A session of the part that changes, with the constants that differ as inputs. */
interface OpenPart {
  readonly nodes: Graph['node'];
  /** Its inputs, without those constants. */
  readonly feeds: readonly string[];
  readonly constants: readonly Tensor[];
  readonly session: Session;
}

/**
 * Runs versions of a model in which some layers have other constants: what lies before those layers is run once for all
 * versions, and what lies behind them is opened once for versions of the same nodes, which are fed with the constants. The
 * output is what the runtime computes from the whole version, but for the order of some sums.
 */
export class SuffixRuns {
  private known: Promise<Known | undefined> | undefined;
  private readonly parts: OpenPart[] = [];

  /** @param layers names of layers of the main graph, by which versions differ from `before`. @param samples inputs. */
  constructor(
    private readonly runtime: Runtime,
    private readonly before: Model,
    private readonly layers: readonly string[],
    private readonly samples: readonly Feeds[],
  ) {}

  /**
   * @returns what runs one of the samples; undefined where values that would have to be kept are too large, or not float32.
   * @throws RoundoffError when the version does not run.
   * @throws CancelledError
   */
  async open(
    version: Model,
    signal?: CancelSignal,
  ): Promise<((sample: number) => Promise<Feeds>) | undefined> {
    const known = await (this.known ??= this.runBefore(signal));
    if (!known) return undefined;
    const all = (version.graph?.output ?? []).map(({ name }) => name);
    const outputs = all.filter((name) => !known.kinds.has(name));
    const part = cutBefore(version, outputs, known.kinds);
    const own = new Set(this.before.graph?.initializer);
    const constants = (part.model.graph?.initializer ?? []).filter(
      (tensor) => !own.has(tensor) && tensor.dataType === FLOAT,
    );
    const open = this.partLike(part.model, constants) ?? (await this.openPart(part, constants));
    const given: Record<string, RuntimeTensor> = {};
    for (const constant of constants) {
      const data = await readFloat32(constant);
      given[constant.name] = { type: 'float32', dims: constant.dims, data };
    }
    return async (sample) => {
      const feeds = { ...this.samples[sample], ...known.values[sample] };
      const wanted = open.feeds.flatMap((name) => {
        const tensor = feeds[name];
        return tensor ? [[name, tensor] as const] : [];
      });
      const computed = await open.session.run({ ...Object.fromEntries(wanted), ...given }, outputs);
      return { ...known.values[sample], ...computed };
    };
  }

  async release(): Promise<void> {
    for (const { session } of this.parts.splice(0)) await session.release();
    this.known = undefined;
  }

  private async runBefore(signal: CancelSignal | undefined): Promise<Known | undefined> {
    const index = indexGraph(this.before);
    const { main } = index;
    const refs = this.layers.flatMap((name) => index.nodeNamed(name) ?? []);
    const isInMain = refs.length === this.layers.length && refs.every(({ scope }) => scope === main);
    if (!main || !isInMain) return undefined;
    const border = borderOf(index, refs).filter((value) => index.producer(main, value));
    if (border.length === 0) return { values: this.samples.map(() => ({})), kinds: new Map() };
    const { model, feeds } = cutBefore(this.before, border, new Map());
    const session = await this.runtime.openModel(model, { optimization: 'simulate' });
    try {
      const values: Feeds[] = [];
      for (const sample of this.samples) {
        throwIfCancelled(signal);
        const own = feeds.flatMap((name) => (sample[name] ? [[name, sample[name]] as const] : []));
        const results = await session.run(Object.fromEntries(own), border);
        if (bytesOfTensors(results) * this.samples.length > KEPT_BYTES) return undefined;
        if (Object.values(results).some(({ type }) => type !== 'float32')) return undefined;
        values.push(results);
      }
      return { values, kinds: new Map(border.map((value) => [value, kindOf(value, values)])) };
    } finally {
      await session.release();
    }
  }

  private partLike({ graph }: Model, constants: readonly Tensor[]): OpenPart | undefined {
    return this.parts.find(
      (part) =>
        part.nodes.length === graph?.node.length &&
        part.nodes.every((node, at) => isAlike(node, graph.node[at])) &&
        part.constants.length === constants.length &&
        part.constants.every(({ name, dims }, at) => {
          const other = constants[at];
          return other?.name === name && other.dims.join() === dims.join();
        }),
    );
  }

  private async openPart(
    { model, feeds }: ReturnType<typeof cutBefore>,
    constants: readonly Tensor[],
  ): Promise<OpenPart> {
    const { graph } = model;
    if (!graph) throw new Error('a model without a graph');
    const opened = derive(graph, {
      input: [...graph.input, ...constants.map(({ name, dims }) => makeValueInfo(name, FLOAT, dims))],
      initializer: graph.initializer.filter((tensor) => !constants.includes(tensor)),
    });
    const session = await this.runtime.openModel(derive(model, { graph: opened }), {
      optimization: 'simulate',
    });
    const part: OpenPart = { nodes: graph.node, feeds, constants, session };
    this.parts.push(part);
    return part;
  }
}

const FLOAT: number = DataType.FLOAT;

/** True for a node and a copy of it. */
function isAlike(a: Node, b: Node | undefined): boolean {
  const isSame = <T>(ours: readonly T[], theirs: readonly T[]): boolean =>
    ours.length === theirs.length && ours.every((each, at) => each === theirs[at]);
  return (
    a === b ||
    (b !== undefined &&
      a.opType === b.opType &&
      a.domain === b.domain &&
      isSame(a.input, b.input) &&
      isSame(a.output, b.output) &&
      isSame(a.attribute, b.attribute))
  );
}

/** With the sizes that it has in all samples: the runtime finds better kernels when it knows them. */
function kindOf(value: string, samples: readonly Feeds[]): KnownValue {
  const [first, ...others] = samples.map((sample) => sample[value]?.dims ?? []);
  const shape = first?.map((size, axis) => (others.every((dims) => dims[axis] === size) ? size : null));
  return { type: FLOAT, ...(shape && { shape }) };
}
