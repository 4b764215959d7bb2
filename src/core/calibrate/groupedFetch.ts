import { throwIfCancelled } from '../errors';
import type { CancelSignal, Feeds, RuntimeTensor, Session } from '../ports';
import { bytesOfTensors } from './floats';

/** Values fetched together are planned to stay below this many bytes per run. */
export const FETCH_BYTES = 512 * 2 ** 20;
/** Values per run of the first sample, whose sizes are not known yet. */
const FIRST_FETCHES = 16;

/** Fetches many values per sample, in as few runs as FETCH_BYTES allows, by the sizes that the sample before had. */
export class GroupedFetch {
  private groups: readonly (readonly string[])[];

  /** @param values outputs of the session's model. */
  constructor(
    private readonly session: Session,
    private readonly values: readonly string[],
  ) {
    this.groups = grouped(values, () => FETCH_BYTES / FIRST_FETCHES);
  }

  /**
   * Runs one sample and shows each value; no tensor may be kept.
   * @throws CancelledError
   */
  async run(
    feeds: Feeds,
    visit: (name: string, tensor: RuntimeTensor | undefined) => void,
    signal?: CancelSignal,
  ): Promise<void> {
    const sizes = new Map<string, number>();
    for (const names of this.groups) {
      throwIfCancelled(signal);
      const results = await this.session.run(feeds, names);
      for (const name of names) {
        const tensor = results[name];
        visit(name, tensor);
        sizes.set(name, tensor ? bytesOfTensors({ tensor }) : 0);
      }
    }
    this.groups = grouped(this.values, (name) => sizes.get(name) ?? 0);
  }
}

/** Splits names, in their order, into runs whose bytes stay below FETCH_BYTES where one value allows it. */
function grouped(names: readonly string[], bytes: (name: string) => number): string[][] {
  const groups: string[][] = [];
  let size = Infinity;
  for (const name of names) {
    size += bytes(name);
    if (size > FETCH_BYTES) {
      groups.push([]);
      size = bytes(name);
    }
    groups.at(-1)?.push(name);
  }
  return groups;
}
