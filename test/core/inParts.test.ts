import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { atOnce, inParts, type Parts } from '../../src/core/inParts';

/** Counts to `end`, and takes `milliseconds` for each number. */
function* count(end: number, milliseconds = 0): Parts<number> {
  for (let at = 0; at < end; at++) {
    for (const start = performance.now(); performance.now() - start < milliseconds;);
    yield;
  }
  return end;
}

describe('inParts(parts, work)', () => {
  it('gives what the computation returns, also without anyone to listen', async () => {
    expect(await inParts(count(5))).toBe(5);
    expect(atOnce(count(5))).toBe(5);
  });

  it('pauses when it has computed for a while, not after each part', async () => {
    let pauses = 0;
    const pause = async () => void pauses++;
    await inParts(count(20, 10), { pause });
    expect(pauses).toBeGreaterThan(1);
    expect(pauses).toBeLessThan(5);
  });

  it('ends at the pause in which it is cancelled', async () => {
    const signal = { aborted: false };
    let pauses = 0;
    const pause = async () => {
      pauses++;
      signal.aborted = true;
    };
    await expect(inParts(count(Infinity, 10), { signal, pause })).rejects.toThrow(CancelledError);
    expect(pauses).toBe(1);
  });
});
