/** A search over compensated candidates: what was scanned is what ends in files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFormats } from '../../src/core/plan/layerFormats';
import { defaultPlan, parsePlan } from '../../src/core/plan/planFile';
import { recoveringAlone, withRecover } from '../../src/core/plan/recover';
import type { QuantizeResult } from '../../src/core/results';
import type { SearchResult } from '../../src/core/searchResults';
import { engineService } from '../../src/engine/service';
import type { Progress } from '../../src/shared/rpc';
import { callCli } from '../cli/support/callCli';

const sample = join(import.meta.dirname, '../../samples/mnist');
const file = join(sample, 'mnist_cnn.onnx');
const calibration = { data: join(sample, 'test.npz'), samples: 32 };
const schemes = ['u3', 'w8'];
const goal = { kind: 'budget', cost: 'bytes', most: 0.16, ratio: true } as const;
const plain = { ...defaultPlan, activationRange: 'max' as const };
const plan = withRecover(plain, ['gptq', 'bias']);

let folder: string;
let cache: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'search-compensated-test-'));
  cache = join(folder, 'cache');
});
afterAll(() => rmSync(folder, { recursive: true }));

function listening() {
  const messages: string[] = [];
  const report = ({ message }: Progress) => void messages.push(message);
  const choosing = () => messages.filter((message) => message.startsWith('Choosing the codes')).length;
  return { call: { signal: new AbortController().signal, report }, choosing };
}

describe('a search with compensated candidates', () => {
  let found: SearchResult;
  beforeAll(async () => {
    const { call } = listening();
    const { candidates } = await engineService.scan({ file, plan, calibration, schemes, cache }, call);
    expect(candidates.every(({ recover }) => recover === 'gptq,bias')).toBe(true);
    const again = listening();
    found = await engineService.search(
      { file, plan, calibration, schemes, goal, cache, known: candidates },
      again.call,
    );
    expect(again.choosing()).toBe(0);
  }, 120_000);

  it('says so, and beats a search of plain ones within the same bytes', async () => {
    expect(found.recover).toEqual({ steps: ['gptq', 'bias'], sequential: false });
    expect(found.met).toBe(true);
    const { call } = listening();
    const other = await engineService.search({ file, plan: plain, calibration, schemes, goal, cache }, call);
    expect(other).not.toHaveProperty('recover');
    expect(found.chosen.verified?.error).toBeLessThan(other.chosen.verified?.error ?? 0);
  });

  it('writes the codes that the scan measured, known or computed again', async () => {
    const chosen = recoveringAlone(withFormats(plan, found.chosen.layers));
    const write = async (name: string, kept: string | undefined): Promise<Buffer> => {
      const output = join(folder, name);
      const { call } = listening();
      const result = await engineService.quantize(
        { file, plan: chosen, calibration, output, ...(kept !== undefined && { cache: kept }) },
        call,
      );
      expect(result.recovered?.layers.some(({ rule }) => rule === 'gptq')).toBe(true);
      return readFileSync(output);
    };
    const before = contentSize(cache);
    const known = await write('known.onnx', cache);
    expect(contentSize(cache)).toBe(before);
    expect(known.length).toBe(found.chosen.bytes);
    expect((await write('again.onnx', undefined)).equals(known)).toBe(true);
  });
});

/** Of all files in a folder. */
function contentSize(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

describe('roundoff scan and search --recover', () => {
  const data = ['--data', calibration.data, '--samples', '32', '--activation-range', 'max'];
  const formats = schemes.flatMap((scheme) => ['--scheme', scheme]);

  it('tell that candidates are compensated', async () => {
    const call = ['scan', file, ...data, ...formats, '--recover', 'bias,gptq', '--cache', cache];
    const { stdout, exitCode } = await callCli(call);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^layer +u3 \+ gptq,bias +w8 \+ gptq,bias +best/);
    expect(stdout).toContain(
      '+ gptq,bias: codes and biases of the layer make up for their errors (quantize --recover gptq,bias --no-sequential).',
    );
    const { stdout: csv } = await callCli([...call, '--csv']);
    expect(csv.split('\n')[1]).toMatch(/^node_conv2d,u3,,"gptq,bias",/);
    const refused = await callCli(['scan', file, ...data, '--recover', 'equalize']);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('equalize changes layers together');
  });

  it('write a plan that quantize makes the same file of', { timeout: 120_000 }, async () => {
    const planFile = join(folder, 'chosen.quant.json');
    const output = join(folder, 'searched.onnx');
    const { stdout, exitCode } = await callCli([
      ...['search', file, ...data, ...formats, '--recover', 'gptq,bias', '--cache', cache],
      ...['--budget', 'bytes=16%', '--write-plan', planFile, '--write', output, '--json'],
    ]);
    expect(exitCode).toBe(0);
    const { recover, written } = JSON.parse(stdout) as SearchResult & { written: QuantizeResult };
    expect(recover).toEqual({ steps: ['gptq', 'bias'], sequential: false });
    expect(written.recovered?.steps).toEqual(['gptq', 'bias']);
    expect(parsePlan(readFileSync(planFile, 'utf8'), planFile).recover).toEqual(recover);
    const again = join(folder, 'again-by-plan.onnx');
    const made = await callCli(['quantize', file, '--plan', planFile, '-o', again, '--no-cache']);
    expect(made.exitCode).toBe(0);
    expect(readFileSync(again).equals(readFileSync(output))).toBe(true);
  });
});
