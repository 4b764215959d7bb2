import type { Candidate } from '../../core/results';
import { candidateKey, type CandidateName } from '../../core/scan/formats';

/**
 * The candidates of a model by layer and format, compensated ones beside those whose codes are the nearest. What was measured is
 * never replaced by a guess.
 */
export class CandidateTable {
  readonly #layers = new Map<string, Map<string, Candidate>>();

  get isEmpty(): boolean {
    return this.#layers.size === 0;
  }

  /** @returns the layers that have a new figure. */
  add(candidates: readonly Candidate[]): string[] {
    const changed = new Set<string>();
    for (const candidate of candidates) {
      const { layer } = candidate;
      const own = this.#layers.get(layer) ?? new Map<string, Candidate>();
      if (candidate.provisional && this.has(candidate)) continue;
      this.#layers.set(layer, own.set(candidateKey(candidate), candidate));
      changed.add(layer);
    }
    return [...changed];
  }

  clear(): void {
    this.#layers.clear();
  }

  /** Whether the layer was measured in the format, or given up. */
  has(name: CandidateName): boolean {
    const candidate = this.#layers.get(name.layer)?.get(candidateKey(name));
    return candidate !== undefined && !candidate.provisional;
  }

  /** All that were measured or given up; without guesses. @param layer of every layer when absent. */
  measured(layer?: string): Candidate[] {
    const layers = layer === undefined ? this.layers : [layer];
    const all = layers.flatMap((name) => [...(this.#layers.get(name)?.values() ?? [])]);
    return all.filter(({ provisional }) => !provisional);
  }

  /**
   * The one to show of a layer: of the format that it is planned in, else of w8a8, else the first; of each, one that is
   * compensated where the plan is, or that is not; one that was measured before any guess. undefined when there is none.
   */
  shown(layer: string, planned: string, isCompensated = false): Candidate | undefined {
    const own = [...(this.#layers.get(layer)?.values() ?? [])];
    const likePlan = ({ recover }: Candidate): boolean => (recover !== undefined) === isCompensated;
    own.sort((a, b) => Number(likePlan(b)) - Number(likePlan(a)));
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
