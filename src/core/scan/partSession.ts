import { withOutputs } from '../calibrate/instrument';
import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Session } from '../ports';
import { pick } from './baseline';
import { cutBefore, type KnownValue } from './suffix';

/** A session of the part of a model that leads from known values to some others. */
export class PartSession {
  private constructor(
    private readonly session: Session | undefined,
    private readonly feeds: readonly string[],
    private readonly values: readonly string[],
  ) {}

  /**
   * @param values of the main graph to compute; with none there is nothing to run.
   * @param known values that a run is given.
   * @throws RoundoffError when the runtime refuses the part.
   */
  static async open(
    runtime: Runtime,
    model: Model,
    values: readonly string[],
    known: ReadonlyMap<string, KnownValue>,
  ): Promise<PartSession> {
    if (values.length === 0) return new PartSession(undefined, [], []);
    const part = cutBefore(withOutputs(model, values), new Set(values), known);
    const session = await runtime.openModel(part.model, { optimization: 'simulate' });
    return new PartSession(session, part.feeds, values);
  }

  /** @param given what is known; more than is needed does no harm. */
  async run(given: Feeds): Promise<Feeds> {
    return this.session ? this.session.run(pick(given, this.feeds), this.values) : {};
  }

  async release(): Promise<void> {
    await this.session?.release();
  }
}
