import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Uri } from 'vscode';
import { beforeEach, describe, expect, it } from 'vitest';
import { LocalCopies, MAX_REMOTE_BYTES } from '../../src/extension/editor/localCopies';
import { reasonNotToRun } from '../../src/extension/lookOnly';
import { temporaryFolders } from '../support/folder';

const newFolder = temporaryFolders();
let folder: string;
beforeEach(async () => {
  folder = await newFolder();
});

/** As much of a URI as copies look at. */
function uri(scheme: string, path: string): Uri {
  return { scheme, path, fsPath: path, toString: () => `${scheme}:${path}` } as Uri;
}

function copiesOf(size: number, bytes: () => Uint8Array): LocalCopies {
  return new LocalCopies(folder, { size: async () => size, read: async () => bytes() });
}

const notRead = (): never => {
  throw new Error('It was read.');
};

describe('LocalCopies', () => {
  it('gives the path of a local file and reads nothing', async () => {
    const copies = copiesOf(1e12, notRead);
    expect(await copies.localFile(uri('file', '/m/model.onnx'))).toBe('/m/model.onnx');
    await copies.release(uri('file', '/m/model.onnx'));
    expect(await readdir(folder)).toEqual([]);
  });

  it('copies a file of another file system under its name, afresh each time, and deletes it at the end', async () => {
    let content = 'first';
    const copies = copiesOf(MAX_REMOTE_BYTES, () => Buffer.from(content));
    const model = uri('memfs', '/a/model.onnx');
    const path = await copies.localFile(model);
    expect([basename(path), readFileSync(path, 'utf8')]).toEqual(['model.onnx', 'first']);
    content = 'exported again';
    expect(await copies.localFile(model)).toBe(path);
    expect(readFileSync(path, 'utf8')).toBe('exported again');
    const other = await copies.localFile(uri('memfs', '/b/model.onnx'));
    expect(other).not.toBe(path);
    await copies.release(model);
    expect(readFileSync(other, 'utf8')).toBe('exported again');
    await copies.release(uri('memfs', '/b/model.onnx'));
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a larger file before it reads any of it, and says what to do', async () => {
    const copies = copiesOf(MAX_REMOTE_BYTES + 1, notRead);
    await expect(copies.localFile(uri('memfs', '/a/big.onnx'))).rejects.toThrow(
      'big.onnx is 537 MB, and models on a memfs file system are read whole, up to 537 MB. Copy it to a local folder',
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('reasonNotToRun', () => {
  it('lets local models run in trusted workspaces only', () => {
    expect(reasonNotToRun(true, 'file')).toBeNull();
    expect(reasonNotToRun(true, undefined)).toBeNull();
    expect(reasonNotToRun(false, 'file')).toContain('Restricted Mode');
    expect(reasonNotToRun(true, 'memfs')).toContain('Models on a memfs file system can be looked at');
  });
});
