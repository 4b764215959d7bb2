import type { OutputDetails } from '../compareResults';

/** Pairs that are kept: with more, about every second one is dropped. */
const MOST = 2048;
const HASHES = 2 ** 32;

/**
 * An even choice among any number of pairs of values, the same however they are handed over. A hash of the position chooses, as
 * steps of any length could share a factor with the number of classes, and then would meet the same few classes only.
 */
export class EvenPairs {
  private kept: { readonly hash: number; readonly pair: [number, number] }[] = [];
  /** Those with a lesser hash are kept. */
  private limit = HASHES;
  private elements = 0;

  /** Pairs with a value that is not finite cannot be drawn, and are left out. */
  add(a: ArrayLike<number>, b: ArrayLike<number>): void {
    for (let i = 0; i < a.length; i++) {
      const hash = hashOf(this.elements++);
      if (hash >= this.limit) continue;
      const [x, y] = [a[i] as number, b[i] as number];
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      this.kept.push({ hash, pair: [x, y] });
      while (this.kept.length > MOST) {
        this.limit /= 2;
        this.kept = this.kept.filter((each) => each.hash < this.limit);
      }
    }
  }

  /** By their hashes, so that the first ones of them are an even choice again. */
  toJson(): Pick<OutputDetails, 'points' | 'stride' | 'elements'> {
    return {
      points: this.kept.toSorted((one, other) => one.hash - other.hash).map(({ pair }) => pair),
      stride: HASHES / this.limit,
      elements: this.elements,
    };
  }
}

/** 32 bits in which those of a position are mixed evenly: the finalizer of MurmurHash3. */
function hashOf(position: number): number {
  let hash = position ^ Math.floor(position / HASHES);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
