import type { Model } from '../onnx/types';
import type { Feeds, Runtime, Session } from '../ports';
import { cutBefore, type KnownValues } from '../graph/suffix';

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
    known: KnownValues,
  ): Promise<PartSession> {
    if (values.length === 0) return new PartSession(undefined, [], []);
    const part = cutBefore(model, values, known);
    const session = await runtime.openModel(part.model, { optimization: 'simulate' });
    return new PartSession(session, part.feeds, values);
  }

  /**
   * @param given what is known, the first that has a value counts; more than is needed does no harm, nor takes time: deep models
   * keep thousands of values.
   */
  async run(...given: readonly Feeds[]): Promise<Feeds> {
    if (!this.session) return {};
    const feeds = this.feeds.flatMap((name) => {
      const tensor = given.find((each) => each[name])?.[name];
      return tensor ? [[name, tensor] as const] : [];
    });
    return this.session.run(Object.fromEntries(feeds), this.values);
  }

  async release(): Promise<void> {
    await this.session?.release();
  }
}
