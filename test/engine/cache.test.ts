import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/core/onnx/memory';
import type { Sample } from '../../src/core/ports';
import { cacheContents, clearCache } from '../../src/engine/cache/cacheContents';
import { defaultCacheFolder } from '../../src/engine/cache/cacheFolder';
import { contentHash, FileResultCache } from '../../src/engine/cache/resultCache';
import { floats } from '../support/slices';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cache-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fileOf = (model: string): string => join(folder, `${model}.jsonl`);

describe('FileResultCache', () => {
  it('gives back what was put, also to the next process', async () => {
    const cache = await FileResultCache.open(join(folder, 'made'), 'abc');
    expect(await cache.get('a')).toBeUndefined();
    await cache.put('a', { numbers: [0.1, 1e-300] });
    await cache.put('b', 2);
    await cache.put('b', 3);
    const next = await FileResultCache.open(join(folder, 'made'), 'abc');
    for (const each of [cache, next]) {
      expect(await each.get('a')).toEqual({ numbers: [0.1, 1e-300] });
      expect(await each.get('b')).toBe(3);
    }
    expect(await (await FileResultCache.open(join(folder, 'made'), 'other')).get('a')).toBeUndefined();
  });

  it('passes over lines that cannot be read, and goes on behind one that was not written to its end', async () => {
    const cache = await FileResultCache.open(folder, 'abc');
    await cache.put('a', 1);
    appendFileSync(fileOf('abc'), 'not JSON\n{"key":7,"value":1}\nnull\n{"key":"half","val');
    const next = await FileResultCache.open(folder, 'abc');
    expect(await next.get('a')).toBe(1);
    await next.put('b', 2);
    const last = await FileResultCache.open(folder, 'abc');
    expect([await last.get('a'), await last.get('b')]).toEqual([1, 2]);
  });

  it('keeps the newer half of a file that grew too long', async () => {
    const limits = { folderBytes: 1e6, fileBytes: 2000 };
    const cache = await FileResultCache.open(folder, 'abc', limits);
    for (let at = 0; at < 100; at++) await cache.put(`key ${at}`, at);
    const next = await FileResultCache.open(folder, 'abc', limits);
    expect(await next.get('key 99')).toBe(99);
    expect(await next.get('key 0')).toBeUndefined();
    expect(readFileSync(fileOf('abc'), 'utf8').trimEnd().split('\n')).toHaveLength(50);
    expect(readdirSync(folder)).toEqual(['abc.jsonl']);
  });

  it('removes the files used longest ago when the folder is full, and nothing else', async () => {
    const text = 'x'.repeat(1000);
    const [old, newer] = ['0', '1'].map((digit) => digit.repeat(32));
    for (const [at, name] of [old ?? '', newer ?? ''].entries()) {
      writeFileSync(fileOf(name), text);
      utimesSync(fileOf(name), 1000 + at, 1000 + at);
    }
    // Somebody's own: the folder may be any that the user names.
    writeFileSync(join(folder, 'other.jsonl'), text);
    utimesSync(join(folder, 'other.jsonl'), 1, 1);
    await FileResultCache.open(folder, 'abc', { folderBytes: 1500, fileBytes: 1e6 });
    expect(readdirSync(folder).sort()).toEqual([`${newer}.jsonl`, 'other.jsonl']);
    expect(statSync(join(folder, 'other.jsonl')).size).toBe(1000);
  });

  it('knows nothing where the folder cannot be made, and does not fail', async () => {
    writeFileSync(join(folder, 'file'), '');
    const cache = await FileResultCache.open(join(folder, 'file', 'inside'), 'abc');
    await cache.put('a', 1);
    expect(await cache.get('b')).toBeUndefined();
  });

  it('tells samples apart by element, type, shape, name and label', async () => {
    const cache = await FileResultCache.open(folder, 'abc');
    const x = floats([1, 2], [2]);
    const variants: Omit<Sample, 'index'>[] = [
      { feeds: { x } },
      { feeds: { x: floats([1, 3], [2]) } },
      { feeds: { x: floats([1, 2], [1, 2]) } },
      { feeds: { x: { ...x, type: 'int32' as const, data: new Int32Array(x.data.length) } } },
      { feeds: { y: x } },
      { feeds: { x }, label: 1 },
      { feeds: { x }, label: Int32Array.of(1, 2) },
    ];
    const ids = variants.map((each) => cache.identify({ index: 0, ...each }));
    expect(new Set(ids).size).toBe(variants.length);
    expect(cache.identify({ index: 5, feeds: { x: floats([1, 2], [2]) } })).toBe(ids[0]);
  });
});

describe('cacheContents and clearCache', () => {
  const model = 'a1'.repeat(16);

  it('count and remove results, and nothing else', async () => {
    const cache = await FileResultCache.open(folder, model);
    await cache.put('a', 1);
    writeFileSync(join(folder, 'data.jsonl'), 'mine');
    const { size } = statSync(fileOf(model));
    expect(await cacheContents(folder)).toEqual({ folder, files: 1, bytes: size });
    expect(await clearCache(folder)).toEqual({ folder, files: 1, bytes: size });
    expect(await cacheContents(folder)).toEqual({ folder, files: 0, bytes: 0 });
    expect(readdirSync(folder)).toEqual(['data.jsonl']);
    expect(await (await FileResultCache.open(folder, model)).get('a')).toBeUndefined();
  });

  it('say why something cannot be removed', async () => {
    mkdirSync(fileOf(model));
    await expect(clearCache(folder)).rejects.toThrow(/^The cached results could not be removed: /);
  });

  it('take a folder that is not there', async () => {
    const missing = join(folder, 'missing');
    expect(await clearCache(missing)).toEqual({ folder: missing, files: 0, bytes: 0 });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('contentHash(files)', () => {
  it('depends on the bytes and where they are split into files', async () => {
    const source = (...bytes: number[]) => new MemorySource(Uint8Array.from(bytes));
    const hashes = await Promise.all([
      contentHash([source(1, 2, 3)]),
      contentHash([source(1, 2, 4)]),
      contentHash([source(1), source(2, 3)]),
      contentHash([source(1, 2), source(3)]),
    ]);
    expect(new Set(hashes).size).toBe(4);
    expect(await contentHash([source(1, 2, 3)])).toBe(hashes[0]);
  });
});

describe('defaultCacheFolder(environment, platform)', () => {
  it.each([
    ['linux', { XDG_CACHE_HOME: '/caches' }, /^\/caches\/roundoff$/],
    ['linux', { XDG_CACHE_HOME: 'relative' }, /\/\.cache\/roundoff$/],
    ['linux', {}, /\/\.cache\/roundoff$/],
    ['darwin', {}, /\/Library\/Caches\/roundoff$/],
    ['win32', { LOCALAPPDATA: 'C:/Local' }, /Local.roundoff.Cache$/],
  ] as const)('on %s with %j', (platform, environment, expected) => {
    expect(defaultCacheFolder(environment, platform)).toMatch(expected);
  });
});
