import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/cli/cliIo';
import type { ReportRequest } from '../../src/shared/rpc';
import { temporaryFolders } from '../support/folder';
import { callCli } from './support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const file = join(sample, 'mnist_cnn.onnx');
const data = join(sample, 'test.npz');
const temporaryFolder = temporaryFolders();

/** Calls `report` without an engine: what it was asked. */
async function asked(
  args: readonly string[],
): Promise<{ exitCode: number; stderr: string; request?: ReportRequest }> {
  let request: ReportRequest | undefined;
  const engine: Engine = {
    call: async (_, given) => {
      request = given as ReportRequest;
      throw new Error('asked');
    },
    dispose: () => undefined,
  };
  const { exitCode, stderr } = await callCli(['report', file, ...args], { openEngine: () => engine });
  return { exitCode, stderr, ...(request && { request }) };
}

describe('roundoff report FILE', () => {
  it('takes the plan and its data, and writes beside it', async () => {
    const folder = await temporaryFolder();
    const planFile = join(folder, 'small.quant.json');
    const plan = {
      version: 1,
      defaultScheme: 'w8',
      activationType: 'uint8',
      activationRange: 'auto',
      layers: {},
      calibration: { data: 'images', samples: 7, seed: 3 },
    };
    writeFileSync(planFile, JSON.stringify(plan));
    const { request } = await asked(['--plan', planFile]);
    expect(request).toMatchObject({
      plan: { defaultScheme: 'w8' },
      folder: join(folder, 'small.report'),
      calibration: { data: join(folder, 'images'), samples: 7, seed: 3 },
    });
    expect(request).not.toHaveProperty('scan');
    const other = await asked(['--plan', planFile, '--data', data, '-o', join(folder, 'elsewhere')]);
    expect(other.request).toMatchObject({ folder: join(folder, 'elsewhere'), calibration: { data } });
  });

  it('takes the sensitivities of a scan that was printed before', async () => {
    const folder = await temporaryFolder();
    const scan = join(folder, 'scan.json');
    const candidates = [
      { layer: 'node_linear', scheme: 'w8a8', sensitivity: 0.5, localSqnrDb: 30, bytes: 10 },
    ];
    writeFileSync(scan, JSON.stringify({ metric: 'kl', samples: 32, candidates, seconds: 1 }));
    const { request } = await asked(['--data', data, '--scan', scan]);
    expect(request?.scan).toEqual({ metric: 'kl', samples: 32, candidates });
    for (const text of ['{', 'null', '{"metric":"kl","samples":1,"candidates":[{"layer":3}]}']) {
      writeFileSync(scan, text);
      const { exitCode, stderr } = await asked(['--data', data, '--scan', scan]);
      expect(exitCode).toBe(2);
      expect(stderr).toContain('is not what `roundoff scan --json` prints');
    }
    expect(await asked(['--data', data, '--scan', join(folder, 'none.json')])).toMatchObject({ exitCode: 1 });
  });

  it('keeps what it measures where it is told to, or nowhere', async () => {
    const folder = await temporaryFolder();
    const plan = join(folder, 'm.quant.json');
    writeFileSync(plan, JSON.stringify({ version: 1, defaultScheme: 'w4', recover: { steps: ['gptq'] } }));
    const recovering = ['--plan', plan, '--data', data];
    expect((await asked([...recovering, '--cache', folder])).request?.cache).toBe(folder);
    expect((await asked([...recovering, '--no-cache'])).request).not.toHaveProperty('cache');
    const scanning = ['--data', data, '--scan'];
    expect((await asked([...scanning, '--cache', folder])).request).toMatchObject({ cache: folder });
    expect((await asked([...scanning, '--no-cache'])).request).not.toHaveProperty('cache');
  });

  it('needs data', async () => {
    const { exitCode, stderr } = await asked([]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--data');
  });
});
