import type { Progress } from '../shared/rpc';
import type { CliIo } from './cliIo';
import { printable } from './text';

/** In a log file a line now and then tells that work goes on. */
const LOG_INTERVAL_MS = 10_000;
const WIDTH = 100;

/** Progress on stderr: one line that rewrites itself in a terminal, a line every ten seconds elsewhere. */
export class ProgressLine {
  #last: number;
  #shown = false;

  constructor(private readonly io: Pick<CliIo, 'stderr' | 'stderrIsTerminal'>) {
    this.#last = performance.now();
  }

  readonly update = ({ done, total, message }: Progress): void => {
    const percent = total > 0 ? `${Math.floor((100 * done) / total)}%`.padStart(4) : '';
    const line = printable(`${percent} ${message}`.slice(0, WIDTH));
    if (this.io.stderrIsTerminal) {
      this.io.stderr(`\r\u001b[K${line}`);
      this.#shown = true;
    } else if (performance.now() - this.#last > LOG_INTERVAL_MS) {
      this.#last = performance.now();
      this.io.stderr(`${line}\n`);
    }
  };

  clear(): void {
    if (this.#shown) this.io.stderr('\r\u001b[K');
    this.#shown = false;
  }
}
