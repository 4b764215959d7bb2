import { link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataType } from '../../../src/core/onnx/types';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { locationProblem } from '../../../src/engine/files/externalFiles';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { temporaryFolders } from '../../support/folder';
import { bytesField, ids, modelBytes, tensorBytes, varintField } from '../../support/wire';

const newFolder = temporaryFolders();

function externalModel(entries: Readonly<Record<string, string>>): Buffer {
  const tensor = tensorBytes({
    dims: [2],
    dataType: DataType.FLOAT,
    more: [
      ...Object.entries(entries).map(([key, value]) =>
        bytesField(ids.tensor.externalData, bytesField(1, key), bytesField(2, value)),
      ),
      varintField(ids.tensor.dataLocation, 1),
    ],
  });
  return modelBytes(bytesField(ids.graph.initializer, tensor));
}

/** Opens a model with these entries and reads its tensor. */
async function readExternal(folder: string, entries: Readonly<Record<string, string>>): Promise<number[]> {
  const path = join(folder, 'model.onnx');
  await writeFile(path, externalModel(entries));
  const opened = await openModelFile(path);
  try {
    const [tensor] = opened.model.graph?.initializer ?? [];
    if (!tensor) throw new Error('no tensor');
    return Array.from(await readFloat32(tensor));
  } finally {
    await opened.close();
  }
}

const floats = Buffer.from(Float32Array.of(9, 1, 2).buffer);

it('reads external data at its offset, with and without a length', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data', 'w.bin'), floats);
  expect(await readExternal(folder, { location: 'data/w.bin', offset: '4', length: '8' })).toEqual([1, 2]);
  expect(await readExternal(folder, { location: 'data/w.bin' })).toEqual([9, 1]);
});

it.each([
  [{}, 'names no file'],
  [{ location: 'w.bin', offset: '-4' }, 'has offset "-4", which is not a position'],
  [{ location: 'w.bin', offset: '99999999999999999999' }, 'which is not a position'],
  [{ location: 'w.bin', length: 'all' }, 'has no usable length ("all")'],
  [{ location: 'w.bin', length: '4' }, 'has 4 bytes of data, but its shape [2] needs 8'],
  [{ location: 'w.bin', offset: '8' }, 'has 12 bytes, but the model reads 8 at byte 8 of it'],
  [{ location: 'missing.bin' }, 'it does not exist'],
  [{ location: '../w.bin' }, "leaves the model's folder"],
  [{ location: '/etc/hostname' }, 'is an absolute path'],
  [{ location: 'C:\\w.bin' }, 'is an absolute path'],
  [{ location: 'a/../../w.bin' }, "leaves the model's folder"],
  [{ location: '.' }, "outside the model's folder"],
  [{ location: 'x'.repeat(5000) }, 'longer than 4096 bytes'],
])(
  'opens a model with the entries %j and says what is wrong when the tensor is read',
  async (entries, expected) => {
    const folder = await newFolder();
    await writeFile(join(folder, 'w.bin'), floats);
    await expect(readExternal(folder, entries as Record<string, string>)).rejects.toThrow(expected);
  },
);

describe('links', () => {
  it('may not lead out of the folder', async () => {
    const outside = await newFolder();
    await writeFile(join(outside, 'secret'), floats);
    const folder = await newFolder();
    await symlink(join(outside, 'secret'), join(folder, 'w.bin'));
    await symlink(outside, join(folder, 'sub'));
    await expect(readExternal(folder, { location: 'w.bin' })).rejects.toThrow("outside the model's folder");
    await expect(readExternal(folder, { location: 'sub/secret' })).rejects.toThrow(
      "outside the model's folder",
    );
  });

  it('may lead elsewhere in the folder, and a hard link is a file like any other', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'real.bin'), floats);
    await symlink('real.bin', join(folder, 'w.bin'));
    expect(await readExternal(folder, { location: 'w.bin' })).toEqual([9, 1]);
    await link(join(folder, 'real.bin'), join(folder, 'hard.bin'));
    expect(await readExternal(folder, { location: 'hard.bin' })).toEqual([9, 1]);
  });

  it('may lead beside the real model when the model itself is a link, as in a download cache', async () => {
    const blobs = await newFolder();
    const snapshot = await newFolder();
    await writeFile(join(blobs, 'm'), externalModel({ location: 'w.bin', length: '8' }));
    await writeFile(join(blobs, 'd'), floats);
    await symlink(join(blobs, 'm'), join(snapshot, 'model.onnx'));
    await symlink(join(blobs, 'd'), join(snapshot, 'w.bin'));
    const opened = await openModelFile(join(snapshot, 'model.onnx'));
    const [tensor] = opened.model.graph?.initializer ?? [];
    if (!tensor) throw new Error('no tensor');
    expect(Array.from(await readFloat32(tensor))).toEqual([9, 1]);
    await opened.close();
  });
});

it('notices that the data file changed during use', async () => {
  const folder = await newFolder();
  await writeFile(join(folder, 'w.bin'), floats);
  const path = join(folder, 'model.onnx');
  await writeFile(path, externalModel({ location: 'w.bin' }));
  const opened = await openModelFile(path);
  const [tensor] = opened.model.graph?.initializer ?? [];
  if (!tensor) throw new Error('no tensor');
  await readFloat32(tensor);
  await truncate(join(folder, 'w.bin'), 8);
  await expect(readFloat32(tensor)).rejects.toThrow('changed while it was open');
  await opened.close();
});

describe('locationProblem', () => {
  it.each(['w.bin', 'a/b.bin', './w.bin', '..hidden', 'a..b', 'ü.bin'])('takes %s', (location) => {
    expect(locationProblem(location)).toBeUndefined();
  });
  it.each(['', '..', '../w', 'a/..', 'a\\..\\b', '/w', '\\w', '\\\\server\\w', 'c:w', 'a\0b'])(
    'refuses %j',
    (location) => {
      expect(locationProblem(location)).toBeDefined();
    },
  );
});
