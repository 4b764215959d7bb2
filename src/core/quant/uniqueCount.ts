/** Counting the distinct values of large arrays. */
import { Scratch } from '../scratch';

/** Below this a set is as fast, and needs no tables. */
const SMALL = 4096;

const BUCKET_BITS = 11;
const BUCKETS = 2 ** BUCKET_BITS;
/** Bits of a key that tell the members of one bucket apart. */
const MEMBER_BITS = 32 - BUCKET_BITS;

const memory = new Scratch();

/**
 * Distinct values; +0 and -0 are one, and so are NaNs of the same bits.
 * @param limit counting stops once there are more: then the result is only known to be above.
 */
export function uniqueCount(values: Float32Array, limit = Infinity): number {
  return values.length <= SMALL || Number.isFinite(limit) ? countUpTo(values, limit) : countAll(values);
}

function countUpTo(values: Float32Array, limit: number): number {
  const seen = new Set<number>();
  for (let i = 0; i < values.length && seen.size <= limit; i++) seen.add(values[i] ?? 0);
  return seen.size;
}

/**
 * Deals the values into buckets by their hashed bits, then marks the members of one bucket after the other in a bitmap that
 * stays in the processor's cache. A hash table of millions of values misses the cache at every look, and sorting is slower
 * still. Multiplying by an odd number maps 32 bits one to one, so equal keys are equal values.
 */
function countAll(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const buffer = memory.take(bits.byteLength);
  const keys = new Uint32Array(buffer, 0, bits.length);
  const ends = dealIntoBuckets(bits, keys);
  const count = countBuckets(keys, ends);
  memory.give(buffer);
  return count;
}

/** Fills `keys` bucket after bucket. @returns where each bucket ends. */
function dealIntoBuckets(bits: Uint32Array, keys: Uint32Array): Int32Array {
  const next = new Int32Array(BUCKETS);
  for (let i = 0; i < bits.length; i++) {
    const bucket = keyOf(bits[i] as number) >>> MEMBER_BITS;
    next[bucket] = (next[bucket] as number) + 1;
  }
  let start = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const size = next[bucket] as number;
    next[bucket] = start;
    start += size;
  }
  for (let i = 0; i < bits.length; i++) {
    const key = keyOf(bits[i] as number);
    const bucket = key >>> MEMBER_BITS;
    const at = next[bucket] as number;
    next[bucket] = at + 1;
    keys[at] = key;
  }
  return next;
}

function countBuckets(keys: Uint32Array, ends: Int32Array): number {
  const bitmap = new Int32Array(2 ** (MEMBER_BITS - 5));
  const mask = bitmap.length - 1;
  let count = 0;
  let start = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const end = ends[bucket] as number;
    for (let i = start; i < end; i++) {
      const key = keys[i] as number;
      const word = (key >>> 5) & mask;
      const marks = bitmap[word] as number;
      count += ((marks >>> (key & 31)) & 1) ^ 1;
      bitmap[word] = marks | (1 << (key & 31));
    }
    for (let i = start; i < end; i++) bitmap[((keys[i] as number) >>> 5) & mask] = 0;
    start = end;
  }
  return count;
}

function keyOf(bits: number): number {
  return Math.imul(bits === 0x80000000 ? 0 : bits, 0x9e3779b1);
}
