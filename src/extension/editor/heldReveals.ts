import type { ViewEvent } from '../../shared/viewRpc';

type Reveal = Extract<ViewEvent, { event: 'reveal' }>;

/**
 * Keeps the last `reveal` for a view that is not there yet. Other events need no keeping: a view gets their outcome with its
 * snapshot.
 */
export class HeldReveals {
  #isOpen = false;
  #held: Reveal | undefined;

  constructor(private readonly deliver: (event: Reveal) => void) {}

  /** The view listens from now on. */
  open(): void {
    this.#isOpen = true;
    const held = this.#held;
    this.#held = undefined;
    if (held) this.deliver(held);
  }

  close(): void {
    this.#isOpen = false;
  }

  post(event: Reveal): void {
    if (this.#isOpen) this.deliver(event);
    else this.#held = event;
  }
}
