import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AtomicFile, writeTogether } from '../../engine/files/atomicFile';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { Comparison } from '../commands/compareReport';

/** Comparisons that can be looked at again after a reload: each is a file of at most a few megabytes. */
const KEPT = 8;

/** A comparison, and what it takes to look at its samples again. */
export interface KeptComparison {
  readonly comparison: Comparison;
  /** Of its document and tab. */
  readonly name: string;
  /** Model A with its data. */
  readonly model: ModelRequest;
  readonly calibration: DataRequest;
  /** Model A, as VS Code names it. */
  readonly uri: string;
}

/** Keeps the last comparisons in a folder, so that their views outlive a reload of the window. */
export class ComparisonStore {
  readonly #known = new Map<string, KeptComparison>();

  constructor(private readonly folder: string) {}

  /** @returns the id by which it is found again: until the window is reloaded, if it cannot be written. */
  async put(kept: KeptComparison): Promise<string> {
    const id = randomUUID();
    this.#known.set(id, kept);
    try {
      await mkdir(this.folder, { recursive: true });
      const file = new AtomicFile(this.#path(id));
      await writeTogether([file], () => file.write(new TextEncoder().encode(JSON.stringify(kept))));
      await this.#forgetOld();
    } catch {
      // The disk is full, or another window forgets the same files: what took minutes to measure is shown all the same.
    }
    return id;
  }

  /** @returns undefined when it is not there, or cannot be read. */
  async get(id: string): Promise<KeptComparison | undefined> {
    const known = this.#known.get(id);
    if (known || !/^[\da-f-]{36}$/.test(id)) return known;
    try {
      const kept = JSON.parse(await readFile(this.#path(id), 'utf8')) as KeptComparison;
      this.#known.set(id, kept);
      return kept;
    } catch {
      return undefined;
    }
  }

  /** A panel that is open keeps what it shows: only files go. */
  async #forgetOld(): Promise<void> {
    const files = (await readdir(this.folder)).filter((name) => name.endsWith('.json'));
    const dated = await Promise.all(
      files.map(async (name) => ({ name, time: (await stat(join(this.folder, name))).mtimeMs })),
    );
    const old = dated.sort((one, other) => other.time - one.time).slice(KEPT);
    for (const { name } of old) {
      await rm(join(this.folder, name), { force: true });
    }
  }

  /** Nothing shows it any more. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  #path(id: string): string {
    return join(this.folder, `${id}.json`);
  }
}
