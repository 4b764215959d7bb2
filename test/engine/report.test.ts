import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/core/plan/types';
import type { ReportResult } from '../../src/core/reportResults';
import { EngineClient } from '../../src/engine/client';
import { filesIn, temporaryFolders } from '../support/folder';
import { bundlePrograms } from './support/bundle';

const sample = join(import.meta.dirname, '../../samples/mnist');
const temporaryFolder = temporaryFolders();

const plan: Plan = {
  version: 1,
  defaultScheme: 'w8a8',
  activationType: 'uint8',
  activationRange: 'max',
  layers: { node_linear: { scheme: 'w4', granularity: 'block:32' } },
  calibration: { data: '../data/test.npz', samples: 16, seed: 1 },
};

let bundles: string;
let client: EngineClient;
beforeAll(async () => {
  bundles = await bundlePrograms({ engine: 'src/engine/main.ts' });
  client = new EngineClient({ enginePath: join(bundles, 'engine.mjs') });
});
afterAll(() => {
  client.dispose();
  rmSync(bundles, { recursive: true });
});

function makeReport(folder: string, own: Plan = plan): Promise<ReportResult> {
  return client.call('report', {
    file: join(sample, 'mnist_cnn.onnx'),
    plan: own,
    calibration: { data: join(sample, 'test.npz'), samples: 16 },
    folder,
    scan: {
      metric: 'kl',
      samples: 32,
      candidates: [
        { layer: 'node_conv2d', scheme: 'w8a8', sensitivity: 0.001, localSqnrDb: 40, bytes: 500 },
        { layer: 'node_conv2d', scheme: 'w8', sensitivity: 0.5, localSqnrDb: 40, bytes: 500 },
      ],
    },
  });
}

describe('report, on the sample', () => {
  it('writes Markdown whose links lead to files beside it, and nothing of this machine', async () => {
    const folder = join(await temporaryFolder(), 'new', 'report');
    const { files, report } = await makeReport(folder);
    expect(await filesIn(folder)).toEqual([...files].sort());
    expect(files).toEqual([
      'report.md',
      'layer-error.svg',
      'layer-bytes.svg',
      'sensitivity.svg',
      'output.svg',
      'difference.svg',
      'layers.csv',
      'report.json',
    ]);
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const markdown = read('report.md');
    const links = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) expect(files).toContain(link);
    for (const name of files) {
      expect(read(name), name).not.toContain(sample);
      expect(read(name), name).not.toContain(folder);
      expect(read(name), name).not.toMatch(/\/(tmp|home|Users|work)\//);
    }
    expect(report.layers.map(({ layer, scheme, sensitivity }) => [layer, scheme, sensitivity])).toEqual([
      ['node_conv2d', 'w8a8', 0.001],
      ['node_conv2d_1', 'w8a8', null],
      ['node_conv2d_2', 'w8a8', null],
      ['node_linear', 'w4,block:32', null],
      ['node_linear_1', 'w8a8', null],
    ]);
    for (const { accumulatedSqnrDb, localSqnrDb } of report.layers) {
      expect(accumulatedSqnrDb).toBeGreaterThan(10);
      expect(localSqnrDb).toBeGreaterThan(10);
    }
    expect(report.data).toEqual({ name: 'test.npz', calibrate: 16, verify: 512, seed: 1 });
    expect(markdown).toMatch(/accuracy 9\d\.\d % → \*\*9\d\.\d %\*\*/);

    const again = join(await temporaryFolder(), 'again');
    const { report: second } = await makeReport(again);
    const timeless = ({ run: { machine }, ...rest }: typeof report) => ({ ...rest, machine });
    expect(timeless(second)).toEqual(timeless(report));
    for (const name of files.filter((file) => !/^report\./.test(file))) {
      expect(readFileSync(join(again, name), 'utf8'), name).toBe(read(name));
    }
  }, 120_000);

  it('takes outputs for what the plan says they are', async () => {
    const outputs = { logits: { kind: 'values' } } as const;
    const { report } = await makeReport(await temporaryFolder(), { ...plan, outputs });
    const [output] = report.outputs;
    expect(output?.sqnrDb).toBeGreaterThan(10);
    expect(output?.top1).toBeUndefined();
    expect(output?.details).toMatchObject({ classes: 0, flipCount: 0, confusion: { labelled: 0 } });
  }, 120_000);

  it('tells what recovering did to each layer, and what was left out', async () => {
    const folder = await temporaryFolder();
    const steps = ['gptq', 'bias'] as const;
    const { report } = await makeReport(folder, {
      ...plan,
      defaultScheme: 'w4',
      recover: { steps: [...steps] },
    });
    expect(report.recovered?.layers.map(({ name }) => name)).toEqual(report.layers.map(({ layer }) => layer));
    const markdown = readFileSync(join(folder, 'report.md'), 'utf8');
    const table = markdown.slice(markdown.indexOf('## Recovered accuracy'));
    expect(table).toMatch(/\| node_conv2d_1 \| gptq \| \d+\.\d\d dB \| \d+\.\d\d dB \| gptq, (no )?bias/);
    expect(table).toContain('judged by the output on');
  }, 120_000);
});
