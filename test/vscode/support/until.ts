/**
 * Waits until the answer is yes, asking again and again. What throws is a no: a view may be made anew while it is looked at.
 * @throws Error with `what` after the limit.
 */
export async function until(what: string, ask: () => Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await ask().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`Not within ${limitMs / 1000} s: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
