/** Places that cannot be written: one sentence, and nothing left behind. */
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { removeTemporaryFiles } from '../../src/engine/temporaryFiles';
import { temporaryFolders } from '../support/folder';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const data = join(sample, 'calibration.npz');
const newFolder = temporaryFolders();
let folder: string;
let model: string;

beforeEach(async () => {
  folder = await newFolder();
  model = join(folder, 'm.onnx');
  copyFileSync(join(sample, 'mnist_cnn.onnx'), model);
  writeFileSync(join(folder, 'file'), 'mine');
});

it('names the output whose folder is a file', async () => {
  const output = join(folder, 'file', 'q.onnx');
  for (const args of [
    ['quantize', model, '--scheme', 'w8', '-o', output],
    ['rewrite', 'float16', model, '-o', output],
  ]) {
    const { exitCode, stderr } = await callCli(args);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `error: Cannot write ${output}: a part of its path is not a folder.\n`,
    });
  }
  expect(() => removeTemporaryFiles([join(folder, 'file', 'x.tmp')])).not.toThrow();
});

it.each([
  ['--write', 'no/x.onnx', 'its folder does not exist. Make the folder or choose another'],
  ['--write', 'file/x.onnx', 'a part of its path is not a folder'],
  ['--write', '.', 'it is a folder'],
  ['--write-plan', 'no/x.json', 'its folder does not exist. Make the folder or choose another'],
])('tells before a search that %s %s cannot be written', async (option, path, reason) => {
  const output = join(folder, path);
  const args = ['search', model, '--data', data, '--budget', 'bytes=50%', '--no-cache', option, output];
  const openEngine = () => {
    throw new Error('nothing should be measured');
  };
  const { exitCode, stderr } = await callCli(args, { openEngine });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `error: Cannot write ${output}: ${reason}.\n`,
  });
});

it('tells before quantizing that a plan cannot be written', async () => {
  const args = ['quantize', model, '--scheme', 'w8', '-o', join(folder, 'q.onnx')];
  const { stderr } = await callCli([...args, '--write-plan', join(folder, 'no', 'p.json')]);
  expect(stderr).toMatch(/^error: Cannot write .*p\.json: its folder does not exist/);
  expect(readdirSync(folder).sort()).toEqual(['file', 'm.onnx']);
});

it('says of a report what is in the place of its folder', async () => {
  const output = join(folder, 'file');
  const { exitCode, stderr } = await callCli(['report', model, '--data', data, '-o', output]);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `error: Cannot write ${output}: a file of that name is in its place. Choose another name.\n`,
  });
});

it('leaves no empty folder of a report that failed, and keeps one that was there', async () => {
  const report = (output: string) =>
    callCli(['report', model, '--data', join(folder, 'none.npz'), '-o', join(folder, output)]);
  const before = readdirSync(folder);
  expect((await report('a/b/c')).exitCode).toBe(1);
  expect(readdirSync(folder)).toEqual(before);
  const kept = await newFolder();
  const { stderr } = await callCli(['report', model, '--data', 'none.npz', '-o', kept]);
  expect(stderr).toBe('error: The data none.npz does not exist.\n');
  expect(readdirSync(kept)).toEqual([]);
});
