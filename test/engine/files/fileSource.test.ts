import { execFileSync } from 'node:child_process';
import { appendFile, rename, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileSource } from '../../../src/engine/files/fileSource';
import { temporaryFolders } from '../../support/folder';

const newFolder = temporaryFolders();

async function file(content: string): Promise<string> {
  const path = join(await newFolder(), 'file.bin');
  await writeFile(path, content);
  return path;
}

it('reads any part, small or large', async () => {
  const path = await file('0123456789'.repeat(20_000));
  const source = await openFileSource(path);
  expect(source.size).toBe(200_000);
  expect(Buffer.from(await source.read(3, 4)).toString()).toBe('3456');
  const large = await source.read(10, 150_000);
  expect(Buffer.from(large).toString()).toBe('0123456789'.repeat(15_000));
  await source.close();
});

it('refuses to read past the end', async () => {
  const source = await openFileSource(await file('abc'));
  await expect(source.read(1, 3)).rejects.toThrow('cannot read 3 bytes at byte 1: the file has 3');
  await expect(source.read(-1, 1)).rejects.toThrow('cannot read');
  await source.close();
});

it.each([
  ['grew', (path: string) => appendFile(path, 'more')],
  ['shrank', (path: string) => truncate(path, 2)],
  ['was written in place', (path: string) => writeFile(path, 'xyz').then(() => utimes(path, 1, 1))],
])('notices that the file %s', async (_, change) => {
  const path = await file('abc');
  const source = await openFileSource(path);
  await source.read(0, 3);
  await change(path);
  await expect(source.read(0, 3)).rejects.toThrow(`${path} changed while it was open: open it again.`);
  await source.close();
});

it('goes on reading the file that was opened after another took its name', async () => {
  const path = await file('old');
  const source = await openFileSource(path);
  await writeFile(`${path}.new`, 'new');
  await rename(`${path}.new`, path);
  expect(Buffer.from(await source.read(0, 3)).toString()).toBe('old');
  await source.close();
});

it('says clearly what cannot be opened', async () => {
  const folder = await newFolder();
  await expect(openFileSource(folder)).rejects.toThrow(`Cannot read ${folder}: it is`);
  const missing = join(folder, 'missing.onnx');
  await expect(openFileSource(missing)).rejects.toThrow(`Cannot read ${missing}: it does not exist.`);
});

it('refuses a named pipe at once instead of waiting for its writer', async () => {
  if (process.platform === 'win32') return;
  const pipe = join(await newFolder(), 'pipe.onnx');
  execFileSync('mkfifo', [pipe]);
  await expect(openFileSource(pipe)).rejects.toThrow(`Cannot read ${pipe}: it is not a file.`);
});
