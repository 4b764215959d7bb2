import type { Plan } from '../plan/types';
import type { Work } from '../ports';
import { type DoneLayer, RECOVER_VERSION } from '../recover/keptLayers';
import { LoneLayers } from '../recover/loneLayers';
import type { RecoverSource } from '../recover/recover';
import type { ScanFormat } from './formats';
import type { ReadyScan } from './prepareScan';
import type { TrialCache } from './trialCache';
import { identities } from './trialRanges';

/** The codes that layers have in the formats of a scan whose plan has a recipe. */
export class Compensation {
  private constructor(
    private readonly ready: ReadyScan,
    private readonly layers: LoneLayers,
    /** What codes depend on besides layer, format and recipe, for keys of results. */
    readonly source: unknown,
  ) {}

  /** @param plan its recipe is not sequential. @returns undefined for a plan without a recipe. */
  static async open(
    plan: Plan,
    ready: ReadyScan,
    source: RecoverSource,
    cache: TrialCache,
    work: Work,
  ): Promise<Compensation | undefined> {
    if (!plan.recover) return undefined;
    const key = cache.isKept && [RECOVER_VERSION, await identities(source.slice, cache, work)];
    return new Compensation(ready, new LoneLayers(plan, source, work), key);
  }

  /** @returns undefined where codes are the nearest. @throws CancelledError */
  async of(layer: string, { format, recover }: ScanFormat): Promise<DoneLayer | undefined> {
    return recover === undefined ? undefined : this.layers.of(this.ready.index.model, layer, format);
  }

  release(): Promise<void> {
    return this.layers.release();
  }
}
