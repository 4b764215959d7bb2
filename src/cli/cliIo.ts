import type { EngineClient } from '../engine/client';

/** What the command line touches of the world; tests give their own. */
export interface CliIo {
  readonly stdout: (text: string) => unknown;
  readonly stderr: (text: string) => unknown;
  /** A terminal gets a progress line that rewrites itself. */
  readonly stderrIsTerminal: boolean;
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal;
  /** Starts the engine; called by the verbs that need it. */
  readonly openEngine: () => Engine;
}

export type Engine = Pick<EngineClient, 'call' | 'dispose'>;

export const ExitCode = { done: 0, failed: 1, usage: 2, limitNotMet: 3, cancelled: 130 } as const;

/** A mistake in how the command was called: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
