import type { ResultCache } from '../../src/core/ports';

/** A cache in memory; what it is asked for and given goes through JSON, as in a file. */
export class MemoryCache implements ResultCache {
  readonly model = 'model';
  readonly entries = new Map<string, string>();
  identify = ({ index }: { readonly index: number }): string => `${index}`;
  async get(key: string): Promise<unknown> {
    const text = this.entries.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }
  async put(key: string, value: unknown): Promise<void> {
    this.entries.set(key, JSON.stringify(value));
  }
}
