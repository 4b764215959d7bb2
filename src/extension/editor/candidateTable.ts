import type { Candidate } from '../../core/results';

/** The candidates of a model by layer and format. What was measured is never replaced by a guess. */
export class CandidateTable {
  readonly #layers = new Map<string, Map<string, Candidate>>();

  get isEmpty(): boolean {
    return this.#layers.size === 0;
  }

  /** @returns the layers that have a new figure. */
  add(candidates: readonly Candidate[]): string[] {
    const changed = new Set<string>();
    for (const candidate of candidates) {
      const { layer, scheme } = candidate;
      const own = this.#layers.get(layer) ?? new Map<string, Candidate>();
      if (candidate.provisional && this.has(layer, scheme)) continue;
      this.#layers.set(layer, own.set(scheme, candidate));
      changed.add(layer);
    }
    return [...changed];
  }

  clear(): void {
    this.#layers.clear();
  }

  /** Whether the layer was measured in the format, or given up. */
  has(layer: string, scheme: string): boolean {
    const candidate = this.#layers.get(layer)?.get(scheme);
    return candidate !== undefined && !candidate.provisional;
  }

  /** All that were measured or given up; without guesses. @param layer of every layer when absent. */
  measured(layer?: string): Candidate[] {
    const layers = layer === undefined ? this.layers : [layer];
    const all = layers.flatMap((name) => [...(this.#layers.get(name)?.values() ?? [])]);
    return all.filter(({ provisional }) => !provisional);
  }

  /**
   * The one to show of a layer: of the format that it is planned in, else of w8a8, else the first; one that was measured before
   * any guess. undefined when there is none.
   */
  shown(layer: string, planned: string): Candidate | undefined {
    const own = [...(this.#layers.get(layer)?.values() ?? [])];
    const choose = (some: readonly Candidate[]): Candidate | undefined =>
      some.find(({ scheme }) => scheme === planned) ??
      some.find(({ scheme }) => scheme === 'w8a8') ??
      some[0];
    return choose(own.filter(({ provisional }) => !provisional)) ?? choose(own);
  }

  get layers(): string[] {
    return [...this.#layers.keys()];
  }
}
