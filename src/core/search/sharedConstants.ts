import type { GraphIndex } from '../graph/graphIndex';
import { ownedConstants } from '../graph/operandSizes';
import type { Layer } from '../graph/types';
import type { Tensor } from '../onnx/types';

/** A constant of a file that several layers read. */
export interface StoredConstant {
  /** The same for the same constant; another format of it has another. */
  readonly key: number;
  readonly bytes: number;
  /** Layers of the search that can read it. */
  readonly readers: number;
}

/** What a layer has of constants that are not its own. */
export interface SharedPart {
  readonly stored: readonly StoredConstant[];
  /** Of `stored`, and of what the file holds anyway, for readers that are not searched. */
  readonly bytes: number;
}

/**
 * Which constants layers share, in the float model and in others that were made of it: a file has each once. It is no single
 * layer's to save: as long as one reader stays float, the float constant stays too.
 */
export class SharedConstants {
  /** Layers of the search with a weight that others read as well. */
  readonly layers: ReadonlySet<string>;
  /** The file has them whatever the searched layers become. */
  private readonly always: ReadonlySet<Tensor>;
  private readonly keys = new Map<Tensor, number>();

  /**
   * @param index of the prepared model. @param rows all of its.
   * @param searched names of layers.
   */
  constructor(
    private readonly index: GraphIndex,
    rows: readonly Layer[],
    searched: ReadonlySet<string>,
  ) {
    const readers = new Map<Tensor, number>();
    for (const { constants } of rows) {
      for (const tensor of constants.keys()) readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
    }
    const sharing = rows.filter(
      ({ name, weights }) =>
        searched.has(name) && weights.some(({ tensor }) => (readers.get(tensor) ?? 0) > 1),
    );
    this.layers = new Set(sharing.map(({ name }) => name));
    const others = this.layers.size > 0 ? rows.filter(({ name }) => !this.layers.has(name)) : [];
    this.always = new Set(others.flatMap(({ constants }) => [...constants.keys()]));
  }

  /** Of the searched layers that share something, in the float model. */
  inFloat(): ReadonlyMap<string, SharedPart> {
    return this.in(this.index, [...this.layers]);
  }

  /**
   * The same in another model.
   * @param names of layers that are not float there.
   */
  in(index: GraphIndex, names: readonly string[]): ReadonlyMap<string, SharedPart> {
    const owned = new Map<string, ReadonlyMap<Tensor, { readonly bytes: number }>>();
    const readers = new Map<Tensor, number>();
    for (const name of names) {
      const ref = this.layers.has(name) ? index.nodeNamed(name) : undefined;
      if (!ref) continue;
      const { tensors } = ownedConstants(index, ref);
      owned.set(name, tensors);
      for (const tensor of tensors.keys()) readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
    }
    return new Map([...owned].map(([name, tensors]) => [name, this.partOf(tensors, readers)] as const));
  }

  private partOf(
    tensors: ReadonlyMap<Tensor, { readonly bytes: number }>,
    readers: ReadonlyMap<Tensor, number>,
  ): SharedPart {
    const stored: StoredConstant[] = [];
    let bytes = 0;
    for (const [tensor, share] of tensors) {
      const count = readers.get(tensor) ?? 0;
      const isKept = this.always.has(tensor);
      if (isKept || count > 1) bytes += share.bytes;
      if (!isKept && count > 1) stored.push({ key: this.keyOf(tensor), bytes: share.bytes, readers: count });
    }
    return { stored, bytes };
  }

  private keyOf(tensor: Tensor): number {
    const key = this.keys.get(tensor) ?? this.keys.size;
    this.keys.set(tensor, key);
    return key;
  }
}

/** Bytes of constants, each counted once. */
export function bytesOfStored(constants: readonly StoredConstant[]): number {
  if (constants.length === 0) return 0;
  const byKey = new Map<number, number>();
  for (const { key, bytes } of constants) byKey.set(key, bytes);
  return [...byKey.values()].reduce((sum, bytes) => sum + bytes, 0);
}
