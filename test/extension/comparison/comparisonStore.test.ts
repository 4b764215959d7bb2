import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ComparisonStore, type KeptComparison } from '../../../src/extension/comparison/comparisonStore';
import { temporaryFolders } from '../../support/folder';

const temporaryFolder = temporaryFolders();

const kept = (name: string): KeptComparison => ({
  comparison: {
    result: {
      a: 'a.onnx',
      b: 'b.onnx',
      slice: 'all',
      samples: 1,
      outputs: [],
      latencyMs: { a: 1, b: 1 },
      peakMemoryBytes: { a: 1, b: 1 },
      bytes: { a: 1, b: 1 },
      deflatedBytes: { a: 1, b: 1 },
      notes: [],
    },
    layers: { reason: 'none' },
    data: 'test.npz',
    isPlan: false,
    notes: [],
  },
  name,
  model: { file: 'a.onnx' },
  calibration: { data: 'test.npz' },
  uri: 'file:///a.onnx',
});

describe('ComparisonStore', () => {
  it('finds a comparison again in another session', async () => {
    const folder = join(await temporaryFolder(), 'not', 'there', 'yet');
    const id = await new ComparisonStore(folder).put(kept('one'));
    expect(await new ComparisonStore(folder).get(id)).toEqual(kept('one'));
  });

  it('has nothing for an id that is none, and for a file that cannot be read', async () => {
    const folder = await temporaryFolder();
    const id = await new ComparisonStore(folder).put(kept('one'));
    await writeFile(join(folder, `${id}.json`), '{');
    await writeFile(join(folder, 'other.json'), JSON.stringify(kept('two')));
    const store = new ComparisonStore(folder);
    for (const wrong of [id, 'other', '../other', '']) expect(await store.get(wrong)).toBeUndefined();
  });

  it('has what cannot be written, as long as it is there itself', async () => {
    const folder = join(await temporaryFolder(), 'file');
    await writeFile(folder, '');
    const store = new ComparisonStore(folder);
    const id = await store.put(kept('one'));
    expect(await store.get(id)).toEqual(kept('one'));
  });

  it('keeps the last eight files, and what is shown in this session', async () => {
    const folder = await temporaryFolder();
    const store = new ComparisonStore(folder);
    const ids: string[] = [];
    for (let count = 0; count < 10; count++) {
      ids.push(await store.put(kept(`number ${count}`)));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const files = await readdir(folder);
    expect(files.toSorted()).toEqual(
      ids
        .slice(2)
        .map((id) => `${id}.json`)
        .toSorted(),
    );
    expect((await store.get(ids[0] ?? ''))?.name).toBe('number 0');
    store.forget(ids[0] ?? '');
    expect(await store.get(ids[0] ?? '')).toBeUndefined();
  });
});
