/** The rate is that of so long a while, or of the last FEWEST candidates where these took longer. */
const WINDOW_MS = 10_000;
const FEWEST = 4;
/** Before so many were measured it is too early to tell. */
const ENOUGH = 2;

/** How fast candidates are measured. Those that come out of a cache were not, and do not count. */
export class ScanPace {
  /** When the first began, and when each ended. */
  readonly #times: number[] = [];
  #running: string | undefined;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param key of the candidate that starts to run. */
  starts(key: string): void {
    this.#running = key;
    if (this.#times.length === 0) this.#times.push(this.now());
  }

  ends(key: string): void {
    if (key !== this.#running) return;
    this.#running = undefined;
    const now = this.now();
    this.#times.push(now);
    while (this.#times.length > FEWEST + 1 && (this.#times[1] ?? now) < now - WINDOW_MS) this.#times.shift();
  }

  /** Candidates per second; null: too early to tell. */
  get perSecond(): number | null {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    const count = this.#times.length - 1;
    if (first === undefined || last === undefined || count < ENOUGH || last <= first) return null;
    return (1000 * count) / (last - first);
  }
}
