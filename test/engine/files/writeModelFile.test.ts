import { chmod, link, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CancelledError, RoundoffError } from '../../../src/core/errors';
import { makeGraph, makeModel, makeNode, makeTensor } from '../../../src/core/onnx/build';
import { derive } from '../../../src/core/onnx/origin';
import { ComputedPayload, type Payload } from '../../../src/core/onnx/payload';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { copyModelFile } from '../../../src/engine/files/copyModelFile';
import { fileError } from '../../../src/engine/files/fileErrors';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { writeModelFile } from '../../../src/engine/files/writeModelFile';
import { onTemporaryFiles } from '../../../src/engine/temporaryFiles';
import { filesIn, temporaryFolders } from '../../support/folder';

const newFolder = temporaryFolders();
const sample = join(import.meta.dirname, '../../../samples/mnist/mnist_cnn.onnx');

let folder: string;
beforeEach(async () => {
  folder = await newFolder();
});

/** A model with three weights of `size` bytes each, which are made when they are written. */
function model(size: number): Model {
  const payload = (value: number): Payload =>
    new ComputedPayload(size, async () => new Uint8Array(size).fill(value));
  return makeModel(
    makeGraph({
      node: [makeNode({ opType: 'Sum', input: ['w1', 'w2', 'w3'], output: ['y'] })],
      initializer: [1, 2, 3].map((value) => makeTensor(`w${value}`, DataType.UINT8, [size], payload(value))),
    }),
  );
}

async function weightsIn(path: string): Promise<number[][]> {
  const opened = await openModelFile(path);
  const weights: number[][] = [];
  for (const { rawData } of opened.model.graph?.initializer ?? []) {
    const bytes = (await rawData?.read()) ?? new Uint8Array(0);
    weights.push([bytes.byteLength, ...new Set(bytes)]);
  }
  await opened.close();
  return weights;
}

describe('writeModelFile', () => {
  it('writes one file and reports it', async () => {
    const path = join(folder, 'out.onnx');
    const written = await writeModelFile(model(5000), path);
    expect(written.files).toEqual([path]);
    expect(written.bytes).toBe((await stat(path)).size);
    expect(await filesIn(folder)).toEqual(['out.onnx']);
    expect(await weightsIn(path)).toEqual([1, 2, 3].map((value) => [5000, value]));
  });

  it('puts weights that do not fit into a new data file, aligned, and replaces no data file', async () => {
    const path = join(folder, 'out.onnx');
    await writeFile(join(folder, 'out.data'), 'of another model');
    const written = await writeModelFile(model(5000), path, { maxFileBytes: 10_000 });
    expect(written.files).toEqual([path, join(folder, 'out.2.data')]);
    expect(await filesIn(folder)).toEqual(['out.2.data', 'out.data', 'out.onnx']);
    expect(await readFile(join(folder, 'out.data'), 'utf8')).toBe('of another model');
    expect(written.bytes).toBe((await stat(path)).size + (await stat(join(folder, 'out.2.data'))).size);
    expect(await weightsIn(path)).toEqual([1, 2, 3].map((value) => [5000, value]));
    const opened = await openModelFile(path);
    const entries = opened.model.graph?.initializer.map(({ externalData }) => externalData);
    await opened.close();
    expect(entries?.map((list) => list.find(({ key }) => key === 'offset')?.value)).toEqual([
      '0',
      '8192',
      '16384',
    ]);
  });

  it('carries external data along: into the model when it fits, else into one new file', async () => {
    const path = join(folder, 'out.onnx');
    await writeModelFile(model(5000), path, { maxFileBytes: 10_000 });
    const opened = await openModelFile(path);
    await mkdir(join(folder, 'a'));
    await mkdir(join(folder, 'b'));
    await writeModelFile(opened.model, join(folder, 'a', 'one.onnx'));
    await writeModelFile(opened.model, join(folder, 'b', 'two.onnx'), { maxFileBytes: 10_000 });
    await opened.close();
    expect(await filesIn(join(folder, 'a'))).toEqual(['one.onnx']);
    expect(await filesIn(join(folder, 'b'))).toEqual(['two.data', 'two.onnx']);
    for (const copy of ['a/one.onnx', 'b/two.onnx']) {
      expect(await weightsIn(join(folder, copy))).toEqual([1, 2, 3].map((value) => [5000, value]));
    }
  });

  it('never replaces the opened model, under any of its names', async () => {
    const path = join(folder, 'model.onnx');
    await writeModelFile(model(100), path);
    const before = await readFile(path);
    await symlink(path, join(folder, 'symbolic.onnx'));
    await link(path, join(folder, 'hard.onnx'));
    const opened = await openModelFile(path);
    for (const name of ['model.onnx', 'symbolic.onnx', 'hard.onnx', './x/../model.onnx']) {
      const target = `${folder}/${name}`;
      await expect(writeModelFile(model(200), target, { opened: [path] })).rejects.toThrow(
        'the model that is open',
      );
      // A model that was read from the file, or derived from it, needs no telling.
      await expect(writeModelFile(opened.model, target)).rejects.toThrow('the model that is open');
      const derived = derive(opened.model, { producerName: 'x' });
      await expect(writeModelFile(derived, target)).rejects.toThrow('the model that is open');
    }
    await opened.close();
    expect(await readFile(path)).toEqual(before);
    expect(await filesIn(folder)).toEqual(['hard.onnx', 'model.onnx', 'symbolic.onnx']);
  });

  it('never replaces the data file of the opened model', async () => {
    const path = join(folder, 'model.onnx');
    await writeModelFile(model(5000), path, { maxFileBytes: 10_000 });
    const data = join(folder, 'model.data');
    const before = await readFile(data);
    await symlink(data, join(folder, 'link.onnx'));
    const opened = await openModelFile(path);
    const derived = derive(opened.model, { producerName: 'x' });
    for (const target of [data, join(folder, 'link.onnx')]) {
      await expect(writeModelFile(derived, target)).rejects.toThrow(
        'holds weights of the model that is open',
      );
      await expect(copyModelFile(path, target)).rejects.toThrow('is the name of a file with weights of');
    }
    await opened.close();
    expect(await readFile(data)).toEqual(before);
    expect(await weightsIn(path)).toEqual([1, 2, 3].map((value) => [5000, value]));
  });

  it('replaces another file only when the new one is complete', async () => {
    const path = join(folder, 'out.onnx');
    await writeFile(path, 'what was there');
    const failing = makeModel(
      makeGraph({
        initializer: [
          makeTensor(
            'w',
            DataType.UINT8,
            [9],
            new ComputedPayload(9, () => Promise.reject(new Error('no weight'))),
          ),
        ],
      }),
    );
    await expect(writeModelFile(failing, path)).rejects.toThrow('no weight');
    expect(await readFile(path, 'utf8')).toBe('what was there');
    expect(await filesIn(folder)).toEqual(['out.onnx']);
    await writeModelFile(model(10), path);
    expect(await weightsIn(path)).toHaveLength(3);
  });

  it('leaves nothing behind when it is cancelled, whenever that is', async () => {
    const path = join(folder, 'out.onnx');
    let cancelled = 0;
    for (let allowed = 0; ; allowed++) {
      let asked = 0;
      const signal = {
        get aborted() {
          return asked++ >= allowed;
        },
      };
      const options = { signal, maxFileBytes: allowed % 2 ? 10_000 : undefined };
      const result = await writeModelFile(model(300_000), path, options).catch((error: unknown) => error);
      if (!(result instanceof Error)) break;
      cancelled += 1;
      expect(result).toBeInstanceOf(CancelledError);
      expect(await filesIn(folder)).toEqual([]);
    }
    expect(cancelled).toBeGreaterThan(3);
  });

  it('gives one clear error when the disk is full, at any write, and leaves nothing behind', async () => {
    const { open } = await import('node:fs/promises');
    const probe = await open(sample);
    const prototype = Object.getPrototypeOf(probe) as typeof probe;
    await probe.close();
    const path = join(folder, 'out.onnx');
    for (const failingWrite of [1, 2, 3]) {
      let writes = 0;
      const write: unknown = Reflect.get(prototype, 'write');
      const spy = vi.spyOn(prototype, 'write').mockImplementation(function (
        this: object,
        ...rest: unknown[]
      ) {
        writes += 1;
        if (writes === failingWrite) {
          return Promise.reject(Object.assign(new Error('write'), { code: 'ENOSPC' }));
        }
        const result: unknown = Reflect.apply(write as () => unknown, this, rest);
        return result as ReturnType<typeof prototype.write>;
      });
      // Users know the file by the name that it is to get in the end.
      const destination = failingWrite === 2 ? join(folder, 'final.onnx') : path;
      await expect(writeModelFile(model(300_000), path, { destination })).rejects.toThrow(
        `Cannot write ${destination}: the disk is full. Free some space or choose another folder.`,
      );
      spy.mockRestore();
      expect(await filesIn(folder)).toEqual([]);
    }
  });

  it('gives one clear error for a folder that is not there, is a file, or may not be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(writeModelFile(model(1), join(folder, 'none', 'x.onnx'))).rejects.toThrow(
      'its folder does not exist. Make the folder or choose another.',
    );
    await expect(writeModelFile(model(1), join(folder, 'file', 'x.onnx'))).rejects.toThrow('is not a folder');
    await mkdir(join(folder, 'locked'));
    await chmod(join(folder, 'locked'), 0o500);
    if (process.getuid?.() === 0) {
      process.stdout.write('Running as root: folders without write permission are not checked.\n');
    } else {
      await expect(writeModelFile(model(1), join(folder, 'locked', 'x.onnx'))).rejects.toThrow(
        'no permission',
      );
    }
    expect(await filesIn(folder)).toEqual(['file']);
  });

  it('reports progress to the end', async () => {
    const steps: [number, number][] = [];
    const { bytes } = await writeModelFile(model(300_000), join(folder, 'out.onnx'), {
      onProgress: (done, total) => steps.push([done, total]),
    });
    expect(steps.at(-1)).toEqual([bytes, bytes]);
    expect(steps.every(([done], index) => done >= (steps[index - 1]?.[0] ?? 0))).toBe(true);
  });
});

describe('openModelFile', () => {
  it('can be cancelled at any moment', async () => {
    for (let allowed = 0; ; allowed++) {
      let asked = 0;
      const signal = {
        get aborted() {
          return asked++ >= allowed;
        },
      };
      const result = await openModelFile(sample, { signal }).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toBeInstanceOf(CancelledError);
      else {
        expect(allowed).toBeGreaterThan(3);
        await (result as Awaited<ReturnType<typeof openModelFile>>).close();
        break;
      }
    }
  });
});

describe('copyModelFile', () => {
  it('copies the bytes of the model and its data files under their names', async () => {
    const from = join(folder, 'out.onnx');
    await writeModelFile(model(5000), from, { maxFileBytes: 10_000 });
    const to = join(folder, 'copies', 'other.onnx');
    const copied = await copyModelFile(from, to);
    expect(copied.files).toEqual([to, join(folder, 'copies', 'out.data')]);
    expect(await readFile(to)).toEqual(await readFile(from));
    expect(await weightsIn(to)).toEqual(await weightsIn(from));
    // Once more: the data file is there already and is not ours to replace.
    await expect(copyModelFile(from, join(folder, 'copies', 'third.onnx'))).rejects.toThrow('exists already');
    expect(await filesIn(join(folder, 'copies'))).toEqual(['other.onnx', 'out.data']);
  });

  it('shares the data file within the folder, and refuses to copy a model onto itself', async () => {
    const from = join(folder, 'out.onnx');
    await writeModelFile(model(5000), from, { maxFileBytes: 10_000 });
    const copied = await copyModelFile(from, join(folder, 'copy.onnx'));
    expect(copied.files).toEqual([join(folder, 'copy.onnx')]);
    expect(await weightsIn(join(folder, 'copy.onnx'))).toEqual(await weightsIn(from));
    await symlink(from, join(folder, 'same.onnx'));
    await expect(copyModelFile(from, join(folder, 'same.onnx'))).rejects.toThrow('the model itself');
  });

  it('refuses the name that the data gets beside the copy', async () => {
    const from = join(folder, 'out.onnx');
    await writeModelFile(model(5000), from, { maxFileBytes: 10_000 });
    await expect(copyModelFile(from, join(folder, 'copies', 'out.data'))).rejects.toThrow(
      'choose another name',
    );
    expect(await filesIn(folder)).toEqual(['out.data', 'out.onnx']);
  });

  it('makes its temporary files known before they exist, and forgets them at the end', async () => {
    const reports: (readonly string[])[] = [];
    const existed: boolean[] = [];
    onTemporaryFiles((paths) => {
      reports.push(paths);
      existed.push(...paths.slice(-1).map((path) => existsSync(path)));
    });
    await copyModelFile(sample, join(folder, 'copy.onnx'));
    const whenCreated = {
      get aborted() {
        return reports.length > 2;
      },
    };
    await expect(copyModelFile(sample, join(folder, 'other.onnx'), { signal: whenCreated })).rejects.toThrow(
      CancelledError,
    );
    onTemporaryFiles(() => undefined);
    expect(reports.map((paths) => paths.length)).toEqual([1, 0, 1, 0]);
    expect(existed).toEqual([false, false]);
  });

  it('leaves nothing behind when cancelled', async () => {
    const aborted = { aborted: true };
    await expect(copyModelFile(sample, join(folder, 'copy.onnx'), { signal: aborted })).rejects.toThrow(
      CancelledError,
    );
    expect(await filesIn(folder)).toEqual([]);
  });
});

it.each([
  ['EACCES', 'you have no permission. Choose another folder'],
  ['EROFS', 'the file system is read-only. Choose another folder'],
  ['ENOSPC', 'the disk is full. Free some space or choose another folder'],
  ['EOTHER', 'message of the system'],
])('fileError says what %s means', (code, text) => {
  const error = fileError('write', '/a/b', Object.assign(new Error('message of the system'), { code }));
  expect(error).toBeInstanceOf(RoundoffError);
  expect((error as Error).message).toBe(`Cannot write /a/b: ${text}.`);
});

it('fileError does not send one who may not read to another folder', () => {
  const error = fileError('read', '/a/b', Object.assign(new Error(), { code: 'EACCES' }));
  expect((error as Error).message).toBe(
    'Cannot read /a/b: you have no permission. Give yourself the right to read it.',
  );
});
