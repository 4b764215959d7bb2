import { CancelledError } from '../core/errors';
import { candidateKey } from '../core/scan/formats';
import type { SearchResult } from '../core/searchResults';
import { planKey, type PlanRun, type TriedPlan } from '../core/search/triedPlans';
import type { Candidate } from '../core/results';
import type { EngineMethods, Progress, SearchRequest } from '../shared/rpc';
import { EngineCrashError } from './engineErrors';
import { scanResumably, type ScanEngine } from './scanResumably';

/** The part of the engine's client that a search needs. */
export interface SearchEngine extends ScanEngine {
  call(...parameters: Parameters<ScanEngine['call']>): ReturnType<ScanEngine['call']>;
  call(
    method: 'search',
    request: SearchRequest,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void },
  ): Promise<Awaited<ReturnType<EngineMethods['search']>>>;
}

export interface SearchCall {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Ends of the engine while no plan runs: then it is not a plan that is to blame. */
const MOST_OTHER_CRASHES = 2;

/**
 * A scan and the search over it, both of which outlive the engine: when its process ends, they go on in a new one with what was
 * measured. A plan that was running is tried once more; when it ends the engine again, it is marked as failed and passed over.
 *
 * Once anything is measured, there is a result: the best plan until then when the search is cancelled (also when the engine
 * does not answer and has to be killed), or when the engine ends again and again.
 * @throws EngineCrashError when the engine ends again and again before that.
 * @throws CancelledError when cancelled before that; other errors as `scan` and `search` do.
 */
export async function searchResumably(
  engine: SearchEngine,
  request: SearchRequest,
  call: SearchCall = {},
): Promise<SearchResult> {
  const start = performance.now();
  const result = await new ResumableSearch(engine, request, call).run();
  return { ...result, seconds: (performance.now() - start) / 1000 };
}

class ResumableSearch {
  private readonly candidates: Map<string, Candidate>;
  private readonly tried: Map<string, TriedPlan>;
  private readonly crashed = new Set<string>();
  private running: PlanRun | undefined;
  private last: SearchResult | undefined;

  constructor(
    private readonly engine: SearchEngine,
    private readonly request: SearchRequest,
    private readonly options: SearchCall,
  ) {
    this.candidates = new Map((request.known ?? []).map((candidate) => [candidateKey(candidate), candidate]));
    this.tried = new Map((request.tried ?? []).map((plan) => [planKey(plan), plan]));
  }

  async run(): Promise<SearchResult> {
    try {
      await this.scan();
      return await this.search();
    } catch (error) {
      if (error instanceof CancelledError) return this.bestUntilCancelled();
      if (!(error instanceof EngineCrashError) || !this.last) throw error;
      return {
        ...this.last,
        partial: true,
        notes: [...this.last.notes, `The search could not go on. ${error.message}`],
      };
    }
  }

  private async scan(): Promise<void> {
    const { tried: _tried, predictOnly: _predictOnly, ...rest } = this.request;
    if (this.request.predictOnly) return;
    const scanned = await scanResumably(
      this.engine,
      { ...rest, known: [...this.candidates.values()] },
      { ...this.options, onProgress: this.take },
    );
    for (const candidate of scanned.candidates) this.candidates.set(candidateKey(candidate), candidate);
    if (scanned.partial) throw new CancelledError();
  }

  private async search(): Promise<SearchResult> {
    const { signal, onProgress } = this.options;
    for (let others = 0; ;) {
      this.running = undefined;
      try {
        return await this.engine.call('search', this.rest(), { signal, onProgress: this.take });
      } catch (error) {
        if (!(error instanceof EngineCrashError)) throw error;
        if (signal?.aborted) throw new CancelledError();
        onProgress?.({ done: 0, total: 0, message: 'The engine process stopped; going on in a new one' });
        if (!this.running && ++others >= MOST_OTHER_CRASHES) throw error;
        if (this.running) this.blame(this.running, error);
      }
    }
  }

  private rest(): SearchRequest {
    return {
      ...this.request,
      known: [...this.candidates.values()],
      tried: [...this.tried.values()],
    };
  }

  private readonly take = (progress: Progress): void => {
    for (const candidate of progress.candidates ?? [])
      this.candidates.set(candidateKey(candidate), candidate);
    const { tried } = progress;
    if (tried) this.tried.set(planKey(tried), tried);
    this.running = progress.trying ?? (tried ? undefined : this.running);
    this.last = progress.result ?? this.last;
    this.options.onProgress?.(progress);
  };

  private blame(plan: PlanRun, { message }: EngineCrashError): void {
    const key = planKey(plan);
    if (this.crashed.has(key)) this.tried.set(key, { ...plan, failure: message });
    this.crashed.add(key);
  }

  /** Without a word from the search, what the candidates foretell. */
  private async bestUntilCancelled(): Promise<SearchResult> {
    if (this.last) return { ...this.last, partial: true };
    const isKnown = [...this.candidates.values()].some(({ sensitivity }) => sensitivity !== null);
    if (!isKnown) throw new CancelledError();
    return this.engine.call('search', { ...this.rest(), predictOnly: true });
  }
}
