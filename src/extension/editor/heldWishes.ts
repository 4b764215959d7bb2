import type { ViewEvent } from '../../shared/viewRpc';

export type Wish = Extract<ViewEvent, { event: 'reveal' | 'overview' }>;

export function isWish(event: ViewEvent): event is Wish {
  return event.event === 'reveal' || event.event === 'overview';
}

/**
 * Keeps the last wish of each kind for a view that is not there yet. Other events need no keeping: a view gets their outcome
 * with its snapshot.
 */
export class HeldWishes {
  #isOpen = false;
  readonly #held = new Map<Wish['event'], Wish>();

  constructor(private readonly deliver: (wish: Wish) => void) {}

  /** The view listens from now on. */
  open(): void {
    this.#isOpen = true;
    const held = [...this.#held.values()];
    this.#held.clear();
    held.forEach(this.deliver);
  }

  close(): void {
    this.#isOpen = false;
  }

  post(wish: Wish): void {
    if (this.#isOpen) this.deliver(wish);
    else this.#held.set(wish.event, wish);
  }
}
