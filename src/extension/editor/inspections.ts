import type { WeightStatistics } from '../../core/inspectorResults';
import type { ModelRequest } from '../../shared/rpc';
import type { ViewRequest } from '../../shared/viewRpc';
import type { SessionEngine } from '../sessionEngine';
import { NewestCall } from './newestCall';

/** What one view asks about the layer that is selected in it. Only the newest question of a kind is answered. */
export class Inspections {
  readonly #statistics: NewestCall<'weightStatistics'>;
  /** With a scheme: takes longer, and may fail where the statistics do not. */
  readonly #formats: NewestCall<'weightStatistics'>;

  constructor(
    engine: SessionEngine,
    private readonly model: () => ModelRequest,
  ) {
    this.#statistics = new NewestCall(engine, 'weightStatistics');
    this.#formats = new NewestCall(engine, 'weightStatistics');
  }

  /** @throws CancelledError when the view has asked about another weight since. */
  weightStatistics(request: ViewRequest<'weightStatistics'>): Promise<WeightStatistics> {
    const calls = request.scheme === undefined ? this.#statistics : this.#formats;
    return calls.call({ ...request, ...this.model() });
  }

  /** The view is gone. */
  cancel(): void {
    this.#statistics.cancel();
    this.#formats.cancel();
  }
}
