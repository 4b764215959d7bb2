/**
 * Memory for temporary use that the next user takes over, as long as the garbage collector leaves it: the pages of a new
 * large array cost more time than the arithmetic on them.
 */
export class Scratch {
  private kept: WeakRef<ArrayBuffer> | undefined;

  /** At least `bytes`, with any content. It belongs to the caller until `give`. */
  take(bytes: number): ArrayBuffer {
    const known = this.kept?.deref();
    this.kept = undefined;
    return known && known.byteLength >= bytes ? known : new ArrayBuffer(bytes);
  }

  give(buffer: ArrayBuffer): void {
    this.kept = new WeakRef(buffer);
  }
}
