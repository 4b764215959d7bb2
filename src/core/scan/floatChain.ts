import { bytesOfTensors } from '../calibrate/floats';
import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import type { Feeds, Runtime } from '../ports';
import { pick, type Baseline } from './baseline';
import { PartSession } from './partSession';
import { cutIntoSegments, type SegmentPlan, type Segments } from './segments';
import type { KnownValues } from '../graph/suffix';
import { keptValue } from './trialModel';

/** The float model in segments that follow one another. Each is opened when a trial first needs it, and serves all trials. */
export class FloatChain {
  private readonly segments: Segments;
  private readonly sessions = new Map<number, Promise<PartSession>>();

  constructor(
    private readonly runtime: Runtime,
    private readonly index: GraphIndex,
    private readonly baseline: Baseline,
    plan: Omit<SegmentPlan, 'bytesOf' | 'runs'>,
  ) {
    // Borders part nodes that the runtime fuses unless trials may begin there.
    const { batches, starts } = baseline;
    const bytesOf = (value: string): number | undefined =>
      starts.has(value)
        ? batches.reduce((sum, { values }) => sum + bytesOfTensors(pick(values, [value])), 0)
        : undefined;
    this.segments = cutIntoSegments(index, { ...plan, bytesOf, runs: batches.length });
  }

  get length(): number {
    return this.segments.all.length;
  }

  /** The first segment that begins behind all of `nodes`; `length` when none does. */
  segmentBehind(nodes: readonly NodeRef[]): number {
    const { all, positions } = this.segments;
    const last = Math.max(...nodes.map((ref) => positions.get(ref) ?? 0));
    const at = all.findIndex(({ start }) => start > last);
    return at < 0 ? all.length : at;
  }

  /** What the nodes before a segment leave to those behind, with outputs of the model. */
  valuesBefore(segment: number): readonly string[] {
    return this.segments.valuesBefore(segment);
  }

  /**
   * Computes the segments from `first` on, as far as they change.
   * @param state all that is known at the beginning of `first`, what counts most first.
   * @param changing values that differ from those of the float model.
   * @returns what the segments gave.
   */
  async run(first: number, state: readonly Feeds[], changing: ReadonlySet<string>): Promise<Feeds> {
    const made: Record<string, Feeds[string]> = {};
    for (let at = first; at < this.length; at++) {
      const { reads = [] } = this.segments.all[at] ?? {};
      if (!reads.some((value) => changing.has(value))) continue;
      Object.assign(made, await (await this.open(at)).run(made, ...state));
    }
    return made;
  }

  /** Ends all sessions; they are opened again when they are needed. */
  async release(): Promise<void> {
    const open = [...this.sessions.values()];
    this.sessions.clear();
    for (const opening of open) await (await opening.catch(() => undefined))?.release();
  }

  private open(at: number): Promise<PartSession> {
    const { reads = [], gives = [] } = this.segments.all[at] ?? {};
    const before = new Set(reads);
    const known: KnownValues = {
      get: (value) => (before.has(value) ? keptValue(this.baseline, value) : undefined),
    };
    const opening = this.sessions.get(at) ?? PartSession.open(this.runtime, this.index.model, gives, known);
    this.sessions.set(at, opening);
    return opening;
  }
}
