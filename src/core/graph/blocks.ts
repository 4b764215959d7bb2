/** Longest block looked for; transformer blocks exported op by op have up to a hundred nodes. */
const longestBlock = 128;

/** Each round gives one block length to all places where it repeats; few lengths matter in a network. */
const mostRounds = 6;

/** Beyond this a grouping by sequence tells nothing and costs time. */
const mostNodes = 100_000;

/** A stretch of equal blocks. */
interface Run {
  readonly start: number;
  readonly length: number;
  readonly repeats: number;
}

/**
 * Finds repeated blocks in a sequence of operators: stretches in which the same sequence of at least two different
 * operators comes twice or more in a row. Longest coverage first, shorter blocks on ties, so the result depends on the
 * sequence alone. Time is linear in its length (a fixed number of comparisons per node).
 * @returns per position the number of its block, counted from 1 in order of appearance; 0 outside blocks.
 */
export function findBlocks(names: readonly string[]): number[] {
  const blockOf = names.map(() => 0);
  if (names.length > mostNodes) return blockOf;
  const codes = new Map<string, number>();
  const operators = Int32Array.from(names, (name) => {
    const code = codes.get(name) ?? codes.size;
    codes.set(name, code);
    return code;
  });
  const isFree = (position: number): boolean => blockOf[position] === 0;
  for (let round = 0; round < mostRounds; round++) {
    let best: readonly Run[] = [];
    for (let length = 2; length <= Math.min(longestBlock, operators.length / 2); length++) {
      const runs = runsOf(operators, length, isFree);
      if (coverage(runs) > coverage(best)) best = runs;
    }
    if (best.length === 0) break;
    // Any mark but 0 does here; the numbers are dealt below, in order of appearance.
    for (const { start, length, repeats } of best) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        blockOf.fill(start + repeat * length + 1, start + repeat * length, start + (repeat + 1) * length);
      }
    }
  }
  const numbers = new Map<number, number>([[0, 0]]);
  return blockOf.map((mark) => {
    const number = numbers.get(mark) ?? numbers.size;
    numbers.set(mark, number);
    return number;
  });
}

function coverage(runs: readonly Run[]): number {
  return runs.reduce((sum, { length, repeats }) => sum + length * repeats, 0);
}

/** Maximal stretches of free positions in which every operator equals the one `length` before. */
function runsOf(
  operators: Int32Array,
  length: number,
  isFree: (position: number) => boolean,
): readonly Run[] {
  const runs: Run[] = [];
  let start = 0;
  const close = (end: number): void => {
    const repeats = Math.floor((end - start) / length);
    if (repeats < 2) return;
    const isMixed = new Set(operators.slice(start, start + length)).size > 1;
    if (isMixed) runs.push({ start, length, repeats });
  };
  for (let position = 0; position <= operators.length; position++) {
    const ends = position === operators.length || !isFree(position);
    if (ends) {
      close(position);
      start = position + 1;
    } else if (position - start >= length && operators[position] !== operators[position - length]) {
      close(position);
      // What follows can overlap the last, incomplete block but not the complete ones.
      const repeats = Math.floor((position - start) / length);
      start = repeats >= 2 ? start + repeats * length : position - length + 1;
    }
  }
  return runs;
}
