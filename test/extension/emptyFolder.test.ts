import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder } from '../../src/extension/emptyFolder';

it('deletes the files of a folder and tells their bytes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roundoff-empty-'));
  try {
    writeFileSync(join(folder, 'a.jsonl'), 'x'.repeat(1000));
    writeFileSync(join(folder, 'b.jsonl'), 'x'.repeat(500));
    mkdirSync(join(folder, 'other'));
    expect(await emptyFolder(folder)).toEqual({ files: 2, bytes: 1500 });
    expect(readdirSync(folder)).toEqual(['other']);
    expect(await emptyFolder(folder)).toEqual({ files: 0, bytes: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('takes a folder that is not there for an empty one', async () => {
  expect(await emptyFolder(join(tmpdir(), 'roundoff-there-is-none'))).toEqual({ files: 0, bytes: 0 });
});

it('says why something could not be deleted', async () => {
  await expect(emptyFolder(import.meta.filename)).rejects.toThrow(
    /^The cached results could not be deleted: /,
  );
});
