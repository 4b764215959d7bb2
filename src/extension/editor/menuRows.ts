import { RoundoffError } from '../../core/errors';
import type { LayersContext, ViewEvent } from '../../shared/viewRpc';

type Question = Extract<ViewEvent, { event: 'menuRows' }>;

/** A few megabytes to a remote host; a view that is gone never answers. */
const ANSWER_MS = 20_000;

/**
 * The rows that a menu of a view was opened on. A menu tells its commands no more than fits a message; the rest they ask the
 * view for, which keeps it until the next menu.
 */
export class MenuRows {
  readonly #views = new Set<(question: Question) => void>();
  readonly #waiting = new Map<string, (names: readonly string[]) => void>();

  constructor(private readonly answerMs = ANSWER_MS) {}

  /** Adds a view of the document. @returns a function that removes it. */
  addView(ask: (question: Question) => void): () => void {
    this.#views.add(ask);
    return () => this.#views.delete(ask);
  }

  /** @throws RoundoffError when the view does not answer. */
  of({ names, menu }: LayersContext): Promise<readonly string[]> {
    if (menu === null) return Promise.resolve(names);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(menu);
        reject(new RoundoffError('The view did not tell which rows are selected: open the menu again.'));
      }, this.answerMs);
      this.#waiting.set(menu, (all) => {
        clearTimeout(timer);
        this.#waiting.delete(menu);
        resolve(all);
      });
      for (const ask of this.#views) ask({ event: 'menuRows', menu });
    });
  }

  /** What the view that had this menu answers. */
  answer(menu: string, names: readonly string[]): void {
    this.#waiting.get(menu)?.(names);
  }
}
