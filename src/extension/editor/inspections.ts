import type { Neighbourhood, NodeSource, WeightSlice, WeightStatistics } from '../../core/inspectorResults';
import type { Plan } from '../../core/plan/types';
import type { ErrorSplitCurve } from '../../core/rangeResults';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { ViewRequest } from '../../shared/viewRpc';
import type { SessionEngine } from '../sessionEngine';
import { NewestCall } from './newestCall';

/** As many cells as can be told apart in the inspector. */
const SLICE_CELLS = { maxRows: 64, maxColumns: 64, reduce: 'maxAbs' } as const;

/** What one view asks about the layer that is selected in it. Only the newest question of a kind is answered. */
export class Inspections {
  readonly #statistics: NewestCall<'weightStatistics'>;
  /** With codes, of a scheme or of the file: takes longer, and may fail where the statistics do not. */
  readonly #formats: NewestCall<'weightStatistics'>;
  readonly #slices: NewestCall<'weightSlice'>;
  readonly #neighbours: NewestCall<'neighbours'>;
  readonly #sources: NewestCall<'sourceOf'>;
  readonly #split: NewestCall<'errorSplit'>;

  constructor(
    engine: SessionEngine,
    private readonly model: () => ModelRequest,
    private readonly plan: () => Plan,
    /** undefined: no data is chosen, or models must not be run here. */
    private readonly data: () => DataRequest | undefined,
  ) {
    this.#statistics = new NewestCall(engine, 'weightStatistics');
    this.#formats = new NewestCall(engine, 'weightStatistics');
    this.#slices = new NewestCall(engine, 'weightSlice');
    this.#neighbours = new NewestCall(engine, 'neighbours');
    this.#sources = new NewestCall(engine, 'sourceOf');
    this.#split = new NewestCall(engine, 'errorSplit');
  }

  /** @throws CancelledError when the view has asked about another weight since. */
  weightStatistics(request: ViewRequest<'weightStatistics'>): Promise<WeightStatistics> {
    const hasCodes = request.scheme !== undefined || request.stored === true;
    const calls = hasCodes ? this.#formats : this.#statistics;
    return calls.call({ ...request, ...this.model() });
  }

  /** @throws CancelledError when the view has asked about another slice since. */
  weightSlice(request: ViewRequest<'weightSlice'>): Promise<WeightSlice> {
    return this.#slices.call({ ...request, ...this.model(), ...SLICE_CELLS });
  }

  /** @throws CancelledError when the view has asked about another row since. */
  neighbours(request: ViewRequest<'neighbours'>): Promise<Neighbourhood> {
    return this.#neighbours.call({ ...request, ...this.model() });
  }

  /** @throws CancelledError when the view has asked about another row since. */
  sourceOf(request: ViewRequest<'sourceOf'>): Promise<NodeSource> {
    return this.#sources.call({ ...request, ...this.model() });
  }

  /** @throws CancelledError when the view has asked about another value since. */
  errorSplit(request: ViewRequest<'errorSplit'>): Promise<ErrorSplitCurve> {
    const calibration = request.of === 'weight' ? undefined : this.data();
    return this.#split.call({
      ...request,
      ...this.model(),
      plan: this.plan(),
      ...(calibration && { calibration }),
    });
  }

  /** The view is gone. */
  cancel(): void {
    this.#statistics.cancel();
    this.#formats.cancel();
    this.#slices.cancel();
    this.#neighbours.cancel();
    this.#sources.cancel();
    this.#split.cancel();
  }
}
