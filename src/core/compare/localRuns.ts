import { asReal } from '../calibrate/asReal';
import { CancelledError, RoundoffError, throwIfCancelled } from '../errors';
import { DataType } from '../onnx/types';
import type { Feeds, Runtime, RuntimeTensor, Session, Work } from '../ports';
import { asCodes } from './convertTensor';
import type { GraphSide } from './graphSide';
import type { LayerErrors } from './layerErrors';
import type { LayerPair, LayerPairs } from './layerPairs';
import { localModel, localPart, typeOf, type LocalModel, type LocalPart } from './localModel';

interface Part {
  readonly pair: LayerPair;
  readonly part: LocalPart | undefined;
  readonly valuesOfA: readonly string[];
}

/** Layers whose values fit into memory together. */
export interface LocalRun {
  readonly pairs: readonly LayerPair[];
  /** Values of a that they give or are fed with. */
  readonly valuesOfA: readonly string[];
  /** Runs each layer alone on one sample. @param given values of a by name; @param inputs of b by name. */
  measure(given: Feeds, inputs: Feeds): Promise<void>;
}

/** The layers of b, each alone. */
export class LocalRuns {
  private readonly parts: readonly Part[];
  private readonly sessions: Session[] = [];

  constructor(
    private readonly runtime: Runtime,
    private readonly side: GraphSide,
    private readonly pairs: LayerPairs,
    private readonly errors: LayerErrors,
  ) {
    this.parts = pairs.pairs.map((pair) => {
      const part = this.partOf(pair);
      if (part) errors.noteNodes(pair, part.nodes);
      const feeds = part?.feeds.flatMap((root) => pairs.cuts.get(root)?.a ?? []) ?? [];
      return { pair, part, valuesOfA: [pair.gives.a, ...feeds] };
    });
  }

  /** Everything of a that is ever asked for. */
  get valuesOfA(): string[] {
    return this.parts.flatMap(({ valuesOfA }) => valuesOfA);
  }

  /**
   * Opens the sessions. A layer that the runtime does not take alone is left out, with the reason.
   * @param bytes of each value of a; inputs, which are held anyway, are not in it.
   */
  async open(bytes: ReadonlyMap<string, number>, most: number, work: Work): Promise<readonly LocalRun[]> {
    const runs: LocalRun[] = [];
    for (const group of grouped(this.parts, bytes, most)) {
      const opened = await this.openTogether(group, work);
      runs.push({
        pairs: group.map(({ pair }) => pair),
        valuesOfA: [...new Set(group.flatMap(({ valuesOfA }) => valuesOfA))],
        measure: async (given, inputs) => {
          for (const measure of opened) await measure(given, inputs);
        },
      });
    }
    return runs;
  }

  async release(): Promise<void> {
    for (const session of this.sessions.splice(0)) await session.release();
  }

  private partOf(pair: LayerPair): LocalPart | undefined {
    try {
      return localPart(this.side, pair, this.pairs.cuts);
    } catch (error) {
      if (!(error instanceof RoundoffError)) throw error;
      this.errors.failLocally(pair, error.message);
      return undefined;
    }
  }

  /** One session for all where the runtime takes it, else for halves of them. */
  private async openTogether(parts: readonly Part[], work: Work): Promise<LocalRun['measure'][]> {
    throwIfCancelled(work.signal);
    const layers = parts.flatMap(({ pair, part }) => (part ? [{ pair, part }] : []));
    const [only] = layers;
    if (!only) return [];
    const local = localModel(this.side, layers, this.pairs.cuts);
    try {
      const session = await this.runtime.openModel(local.model, { optimization: 'simulate' });
      this.sessions.push(session);
      return [(given, inputs) => this.measure(session, local, layers, given, inputs)];
    } catch (error) {
      if (!(error instanceof RoundoffError) || error instanceof CancelledError) throw error;
      if (layers.length === 1) {
        this.errors.failLocally(only.pair, `It does not run alone. ${error.message}`);
        return [];
      }
      const half = Math.ceil(parts.length / 2);
      return [
        ...(await this.openTogether(parts.slice(0, half), work)),
        ...(await this.openTogether(parts.slice(half), work)),
      ];
    }
  }

  private async measure(
    session: Session,
    { fed, outputs }: LocalModel,
    layers: readonly { readonly pair: LayerPair }[],
    given: Feeds,
    inputs: Feeds,
  ): Promise<void> {
    const feeds: Record<string, RuntimeTensor> = {};
    for (const name of session.inputNames) {
      const cut = fed.get(name);
      const source = cut ? given[cut.a] : inputs[name];
      const tensor = cut && source ? asFed(this.side, cut.root, source) : source;
      if (tensor) feeds[name] = tensor;
      else {
        for (const { pair } of layers)
          this.errors.failLocally(pair, `${name} cannot be fed with real numbers.`);
        return;
      }
    }
    const results = await session.run(feeds);
    for (const [position, { pair }] of layers.entries()) {
      this.errors.addLocal(pair, given[pair.gives.a], results[outputs[position]?.name ?? '']);
    }
  }
}

/** What a gives, as b wants it at a root; undefined for what are no real numbers. */
export function asFed(b: GraphSide, root: string, tensor: RuntimeTensor): RuntimeTensor | undefined {
  const codes = b.codesOf(root);
  if (codes) return asCodes(tensor, codes);
  switch (typeOf(b, root)) {
    case DataType.FLOAT16:
      return asReal(tensor, 'float16');
    case DataType.DOUBLE:
      return asReal(tensor, 'float64');
    default:
      return asReal(tensor, 'float32');
  }
}

/** Consecutive layers whose values take at most `most` bytes together, where one allows it. */
function grouped(parts: readonly Part[], bytes: ReadonlyMap<string, number>, most: number): Part[][] {
  const groups: Part[][] = [];
  let held = new Set<string>();
  let size = Infinity;
  for (const part of parts) {
    const sizeOf = (values: Iterable<string>): number =>
      [...values].reduce((sum, value) => sum + (bytes.get(value) ?? 0), 0);
    const added = new Set(part.valuesOfA.filter((value) => !held.has(value)));
    if (size + sizeOf(added) > most) {
      groups.push([]);
      held = new Set();
      size = 0;
    }
    for (const value of part.valuesOfA) {
      if (!held.has(value)) size += bytes.get(value) ?? 0;
      held.add(value);
    }
    groups.at(-1)?.push(part);
  }
  return groups;
}
