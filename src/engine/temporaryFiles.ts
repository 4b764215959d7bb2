import { rmSync } from 'node:fs';

/**
 * Files and folders that exist only while some work is under way. Work removes its own; this registry is for the
 * cases in which it cannot: the engine process tells its client (see client.ts), which removes what a killed or
 * crashed engine left behind.
 */
const paths = new Set<string>();
let listener: ((paths: readonly string[]) => void) | undefined;

/** Call before the path is created, so that there is no moment at which it is unknown. */
export function trackTemporary(path: string): void {
  paths.add(path);
  listener?.([...paths]);
}

/** Call once the path is gone, or is no longer temporary. */
export function untrackTemporary(path: string): void {
  paths.delete(path);
  listener?.([...paths]);
}

export function onTemporaryFiles(next: (paths: readonly string[]) => void): void {
  listener = next;
}

/** Removes what is left. Synchronous: called when the process is about to end. */
export function removeTemporaryFiles(left: Iterable<string> = paths): void {
  for (const path of left) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // One that cannot be removed, or never came to be because a part of its path is a file, must not keep the others.
    }
  }
}
