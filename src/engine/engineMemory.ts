/**
 * How the engine's process is started so that it gives back memory. What a scan takes and drops are buffers of megabytes, of weights and
 * activations, in all sizes; by default glibc learns from the first that was dropped to keep all later ones in its heap, which
 * then holds a hundred megabytes of gaps (ResNet-18). Other allocators do not read these variables.
 *
 * Lower thresholds leave less, and cost page faults: 8 MB instead of 32 MB another 10 to 25 MB for 5 to 7 % more time.
 */
const MALLOC: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(64 * 2 ** 20),
};

/** Short-lived objects are few beside the buffers: V8 would grow their space to three times 16 MB. */
export const engineFlags: readonly string[] = ['--max-semi-space-size=4'];

/** The environment of an engine. What the user set stands. */
export function engineEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // In desktop VS Code the executable is Electron, which the last variable makes behave as Node.
  return { ...MALLOC, ...own, ELECTRON_RUN_AS_NODE: '1' };
}

/** The environment without what `engineEnvironment` added: for processes that are to take the memory that a user's would. */
export function plainEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(own).filter(([name, value]) => MALLOC[name] !== value));
}
