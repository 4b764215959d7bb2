/** Adds up the time of one kind of work. */
export class Stopwatch {
  private milliseconds = 0;

  get seconds(): number {
    return this.milliseconds / 1000;
  }

  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.milliseconds += performance.now() - start;
    }
  }
}
