import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { exactBytes, type Costs } from './costs';
import { picksKey } from './measuredPlans';
import { formatsOf, totalsOf, type Picks, type SearchLayer } from './searchLayer';
import type { Verified } from './verifyPlans';

/** A plan that was built and run. */
export interface VerifiedPicks {
  readonly picks: Picks;
  readonly figures: Verified;
}

export interface PlanBytesContext {
  readonly model: Model;
  readonly plan: Plan;
  readonly costs: Pick<Costs, 'floatBytes'>;
  readonly work: Work;
}

/** Sizes of files of whole plans. What layers take adds up to them nearly, but not quite. */
export class PlanBytes {
  private readonly known = new Map<string, number>();

  constructor(
    private readonly context: PlanBytesContext,
    private readonly layers: readonly SearchLayer[],
    /** Of this search, as they come. */
    private readonly verified: ReadonlyMap<string, VerifiedPicks>,
  ) {}

  /** Of the file in which all layers are float. */
  get ofFloat(): number {
    return this.context.costs.floatBytes;
  }

  /** As the layers add up. */
  sumOf(picks: Picks): number {
    return this.context.costs.floatBytes + totalsOf(this.layers, picks).bytes;
  }

  /** Of a dry run, which takes about as long as a run of a few samples; each plan has one. @throws CancelledError */
  async of(picks: Picks): Promise<number> {
    const key = picksKey(picks);
    const { model, plan, work } = this.context;
    const bytes = this.known.get(key) ?? (await exactBytes(model, plan, formatsOf(this.layers, picks), work));
    this.known.set(key, bytes);
    return bytes;
  }

  /** As exactly as is known without another dry run. */
  bestKnown(picks: Picks): number {
    const key = picksKey(picks);
    return this.verified.get(key)?.figures.bytes ?? this.known.get(key) ?? Math.round(this.sumOf(picks));
  }

  /** Of the file that would be written, as far as a dry run and the files so far tell. @throws CancelledError */
  async ofFile(picks: Picks): Promise<number> {
    const written = this.verified.get(picksKey(picks))?.figures.bytes;
    return written ?? (await this.of(picks)) + this.excess;
  }

  /** What written files hold at most beyond their dry runs: scales that a correction of the gain added. */
  private get excess(): number {
    const each = [...this.verified].map(
      ([key, { figures }]) => figures.bytes - (this.known.get(key) ?? figures.bytes),
    );
    return Math.max(0, ...each);
  }
}
