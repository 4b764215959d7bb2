import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageExtension } from '../scripts/package/packageExtension';
import { projectRoot } from '../scripts/vscode/paths';

/** Measured on linux-x64: 29.3 MB, of which ONNX Runtime and libvips are 26. macOS and Windows have larger libraries. */
const sizeLimit: Partial<Record<NodeJS.Platform, number>> = { linux: 34e6, darwin: 70e6, win32: 60e6 };

const required = [
  'package.json',
  'readme.md',
  'changelog.md',
  'LICENSE.txt',
  'dist/extension.cjs',
  'dist/engine.mjs',
  'dist/cli.mjs',
  'dist/webview/main.js',
  'dist/webview/main.css',
  'dist/webview/codicon.css',
  'dist/webview/codicon.ttf',
  'dist/node_modules/onnxruntime-node/package.json',
  'dist/node_modules/sharp/package.json',
  'media/icon.png',
  'schemas/plan.schema.json',
  'samples/mnist/mnist_cnn.onnx',
];

/** Everything in the package is one of these. */
const expected = [
  /^(package\.json|readme\.md|changelog\.md|LICENSE\.txt)$/,
  /^dist\/(extension\.cjs|engine\.mjs|cli\.mjs)$/,
  /^dist\/webview\/[\w.-]+\.(js|css|ttf)$/,
  /^dist\/node_modules\/(onnxruntime-node|onnxruntime-common|sharp|semver|detect-libc|@img\/[\w-]+)\//,
  /^(media|schemas|samples\/mnist)\//,
];

let folder: string;
let vsix: string;
let names: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roundoff-packaging-'));
  vsix = join(folder, 'roundoff.vsix');
  await packageExtension(vsix);
  names = await extract(vsix, folder);
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package for this platform', () => {
  it('has what the extension needs', () => {
    expect(required.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('has every file that the manifest names', async () => {
    const manifest = await readFile(join(projectRoot, 'package.json'), 'utf8');
    const named = [...manifest.matchAll(/"\.\/([\w./-]+\.\w+)"/g)].map((match) => match[1]);
    expect(named).not.toEqual([]);
    expect(named.filter((name) => name === undefined || !names.includes(name))).toEqual([]);
  });

  it('has nothing else', () => {
    expect(names.filter((name) => !expected.some((pattern) => pattern.test(name)))).toEqual([]);
    expect(names.filter((name) => /\.(ts|tsx|map|h|cc)$|(^|\/)(test|src|include)\//.test(name))).toEqual([]);
  });

  it('has native libraries of this platform only', () => {
    const others = names.filter((name) => {
      const runtime = /onnxruntime-node\/bin\/napi-v6\/(\w+)\/(\w+)\//.exec(name);
      if (runtime) return runtime[1] !== process.platform || runtime[2] !== process.arch;
      const image = /@img\/sharp-(?:libvips-)?(.+?)\//.exec(name)?.[1];
      return image !== undefined && image.replace('musl', '') !== `${process.platform}-${process.arch}`;
    });
    expect(others).toEqual([]);
  });

  it('stays small', async () => {
    expect((await stat(vsix)).size).toBeLessThan(sizeLimit[process.platform] ?? 0);
  });

  it('finds its native modules where it is installed', async () => {
    const script =
      "const ort = require('onnxruntime-node'); const sharp = require('sharp');" +
      'console.log(JSON.stringify([typeof ort.InferenceSession.create, sharp.versions.vips, require.resolve("sharp")]))';
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
      cwd: join(folder, 'dist'),
    });
    const [create, vips, place] = JSON.parse(stdout) as [string, string, string];
    expect(create).toBe('function');
    expect(vips).toMatch(/^8\./);
    expect(place).toContain(folder);
  });

  it('quantizes its own sample with the command line and the runtime that it brings', async () => {
    const output = join(folder, 'quantized.onnx');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        'dist/cli.mjs',
        'quantize',
        'samples/mnist/mnist_cnn.onnx',
        '--data',
        'samples/mnist/calibration.npz',
      ].concat(['--samples', '16', '-o', output, '--json']),
      { cwd: folder },
    );
    const report = JSON.parse(stdout) as { bytes: { before: number; after: number } };
    expect((await stat(output)).size).toBe(report.bytes.after);
    expect(report.bytes.after).toBeLessThan(0.3 * report.bytes.before);
  }, 60_000);
});

/** Unpacks `extension/` of a VSIX into `to` and returns the names below it. */
async function extract(file: string, to: string): Promise<string[]> {
  const files = Object.entries(unzipSync(await readFile(file)))
    .filter(([name]) => name.startsWith('extension/') && !name.endsWith('/'))
    .map(([name, bytes]) => ({ name: name.slice('extension/'.length), bytes }));
  for (const { name, bytes } of files) {
    const target = join(to, name);
    if (!existsSync(dirname(target))) await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
  return files.map(({ name }) => name);
}
