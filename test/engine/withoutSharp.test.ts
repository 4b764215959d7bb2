/** A platform for which sharp has no binaries: the package is there and does not load. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { describeSample } from '../../src/engine/methods/describeSample';
import { callCli } from '../cli/support/callCli';
import { temporaryFolders } from '../support/folder';

vi.mock('sharp', () => {
  throw new Error(
    "Cannot find package '@img/colour' imported from /opt/roundoff/node_modules/sharp/lib/colour.js",
  );
});

const newFolder = temporaryFolders();
const samples = join(import.meta.dirname, '../../samples/mnist');
const model = join(samples, 'mnist_cnn.onnx');
const picture = join(import.meta.dirname, '../golden/resample/source.png');
const call = { signal: new AbortController().signal, report: () => undefined };

it('describes a sample of arrays without its picture', async () => {
  const calibration = { data: join(samples, 'test.npz') };
  const described = await describeSample({ file: model, calibration, sample: 3 }, call);
  expect(described).toMatchObject({ sample: 3, picture: null, inputs: [{ shape: [1, 1, 28, 28] }] });
  expect(described.label).toBeGreaterThanOrEqual(0);
  expect(described.whyNoPicture).toMatch(
    /^Images can be neither read nor drawn: on \w+ \w+ the package sharp .*\. Data in \.npz .*\. Install the package/,
  );
  expect(described.whyNoPicture).not.toContain('/');
});

it('says what is missing of a folder of images, and quantizes what needs none', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'images'));
  await cp(picture, join(folder, 'images/a.png'));
  await writeFile(
    join(folder, 'preprocess.json'),
    JSON.stringify({ resize: [28, 28], channels: 'GRAY', scale: 1 / 255, layout: 'NCHW' }),
  );
  const output = join(folder, 'out.onnx');
  const args = ['quantize', model, '-o', output];
  const failed = await callCli([...args, '--scheme', 'w8a8', '--data', join(folder, 'images')]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toMatch(/^error: Images can be neither read nor drawn: .*\n$/);
  const weights = await callCli([...args, '--scheme', 'w8']);
  expect(weights.exitCode).toBe(0);
});
