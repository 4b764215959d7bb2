import { CancelledError, InputError } from '../../core/errors';
import { recoverSummaries } from '../../core/plan/recover';
import type { RecoverRecipe } from '../../core/plan/types';
import type { SearchPoint, SearchResult } from '../../core/searchResults';
import { errorReplyOf } from '../../engine/engineErrors';
import { searchResumably } from '../../engine/searchResumably';
import type { SearchRequest } from '../../shared/rpc';
import type { SearchView } from '../../shared/viewRpc';
import type { CallOptions, SessionEngine } from '../sessionEngine';
import { SearchPoints } from './searchPoints';

/** Progress that brings no points is shown after so long: a view gets all points each time. */
const SHOW_MS = 150;

/** What a search works for and who hears of it. */
export interface SearchPlace {
  readonly engine: SessionEngine;
  /** Of the rows: plans of an older one are of another model or plan. */
  revision(): number;
  /** As `formatText` writes it. */
  plannedFormat(layer: string): string;
  /** undefined: the plan has none. */
  plannedRecipe(): RecoverRecipe | undefined;
  showSearch(view: SearchView): void;
}

type Found = NonNullable<SearchView['found']>;

/** The plans that a search found, and the search that finds them. */
export class SearchFigures {
  readonly #points = new SearchPoints();
  #view: SearchView = { running: null, found: null, error: null };
  #abort: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #recipe: RecoverRecipe | undefined;

  constructor(private readonly place: SearchPlace) {}

  get view(): SearchView {
    return this.#view;
  }

  get running(): boolean {
    return this.#abort !== undefined;
  }

  /** True when there is nothing to forget. */
  get isIdle(): boolean {
    return !this.running && this.#view.found === null;
  }

  /** @throws InputError when there is no such plan any more. */
  point(id: number): SearchPoint {
    const point = this.#points.get(id);
    if (!point) throw new InputError('This plan is no longer there: search again.');
    return point;
  }

  /** What the plans found recover accuracy by; undefined: nothing. */
  get recipe(): RecoverRecipe | undefined {
    return this.#recipe;
  }

  /** The number of a plan that a search returned; null: it is no longer there. */
  idOf(point: SearchPoint): number | null {
    return this.#points.idOf(point);
  }

  /** Drops all plans, and ends the search that would bring more. The views are to get a snapshot. */
  forget(): void {
    this.#points.clear();
    this.#view = { ...this.#view, found: null, error: null };
    this.cancel();
  }

  /** Ends a search; the plans found so far stay. */
  cancel(): void {
    if (!this.#abort || this.#abort.signal.aborted) return;
    this.#abort.abort();
    const { running } = this.#view;
    if (running) this.#show({ running: { ...running, message: 'Stopping' } });
  }

  /** Says again which plan is the one in use. */
  planChanged(): void {
    const { found } = this.#view;
    if (!found) return;
    const applied = this.#applied();
    if (applied !== found.applied) this.#show({ found: { ...found, applied } });
  }

  /**
   * Searches; plans are shown as they come and stay when it is cancelled. Those of the search before stay until the first one comes.
   * @param expected what is known before it starts of what is searched with and for.
   * @throws CancelledError when cancelled before a plan can be told, or whatever the engine says, after that was shown.
   */
  async run(
    request: SearchRequest,
    expected: Pick<Found, 'metric' | 'float'>,
    { signal, onProgress }: CallOptions,
  ): Promise<SearchResult> {
    if (this.#abort) throw new InputError('A search for this model is already running.');
    const abort = new AbortController();
    const stop = (): void => this.cancel();
    signal?.addEventListener('abort', stop);
    this.#abort = abort;
    const revision = this.place.revision();
    const random = request.calibration.data === 'random';
    const { goal, plan } = request;
    const recover = labelsOf(plan.recover);
    const begun = { goal, ...expected, recover, chosen: null, met: null, partial: true, random };
    const isCurrent = (): boolean => revision === this.place.revision();
    let isFirst = true;
    const take = (points: readonly SearchPoint[]): void => {
      if (isFirst) this.#points.clear();
      isFirst = false;
      this.#recipe = plan.recover;
      this.#points.take(points);
      this.#show({ found: { ...begun, points: this.#points.views(), applied: this.#applied() } });
    };
    this.#show({ running: { done: 0, total: 0, message: 'Starting' }, error: null });
    try {
      if (signal?.aborted) throw new CancelledError();
      const result = await searchResumably(this.place.engine, request, {
        signal: abort.signal,
        onProgress: (progress) => {
          const { done, total, message, points } = progress;
          onProgress?.(progress);
          if (!abort.signal.aborted) this.#view = { ...this.#view, running: { done, total, message } };
          if (points && isCurrent()) take(points);
          else this.#showSoon();
        },
      });
      if (isCurrent()) this.#finish(result, random);
      return result;
    } catch (error) {
      const failure = errorReplyOf(error);
      if (failure.kind !== 'cancelled') this.#view = { ...this.#view, error: failure.message };
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#abort = undefined;
      this.#show({ running: null });
    }
  }

  #finish(
    { goal, metric, recover: recipe, float, front, chosen, met, partial }: SearchResult,
    random: boolean,
  ): void {
    this.#points.replace([...front, chosen]);
    this.#recipe = recipe;
    const recover = labelsOf(recipe);
    const ids = { chosen: this.#points.idOf(chosen), applied: this.#applied() };
    this.#view = {
      ...this.#view,
      found: { goal, metric, recover, float, points: this.#points.views(), ...ids, met, partial, random },
    };
  }

  #applied(): number | null {
    const isRecipe = JSON.stringify(this.place.plannedRecipe()) === JSON.stringify(this.#recipe);
    return isRecipe ? this.#points.appliedId((layer) => this.place.plannedFormat(layer)) : null;
  }

  #showSoon(): void {
    this.#timer ??= setTimeout(() => this.#show({}), SHOW_MS);
  }

  #show(part: Partial<SearchView>): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#view = { ...this.#view, ...part };
    this.place.showSearch(this.#view);
  }
}

function labelsOf(recipe: RecoverRecipe | undefined): string[] {
  return (recipe?.steps ?? []).map((step) => recoverSummaries[step].label);
}
