import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/cliIo';
import { basePlan } from '../../src/cli/planOptions';
import { recoverSteps } from '../../src/cli/recoverOption';
import { callCli } from './support/callCli';

describe('--recover STEPS', () => {
  it.each([
    ['gptq', ['gptq']],
    ['bias, inq', ['bias', 'inq']],
    ['none', []],
  ])('%s', (text, steps) => {
    expect(recoverSteps(text)).toEqual(steps);
  });

  it.each([
    ['', /some of equalize, gptq, inq, descent, refit, bias/],
    ['none,bias', /some of equalize/],
    ['adaround', /some of equalize/],
    ['bias,bias', /each once/],
    ['inq,gptq', /give one of them/],
  ])('%j is refused', (text, message) => {
    expect(() => recoverSteps(text)).toThrow(message);
  });
});

describe('the plan of a command', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'recover-test-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('takes the steps of --recover, in order, else those of the plan file', async () => {
    const plan = join(folder, 'm.quant.json');
    writeFileSync(plan, '{"version": 1, "recover": {"steps": ["gptq"]}}');
    expect((await basePlan({ plan })).recover).toEqual({ steps: ['gptq'] });
    const asked = await basePlan({ plan, recover: ['bias', 'inq'] });
    expect(asked.recover).toEqual({ steps: ['inq', 'bias'] });
    expect(await basePlan({ plan, recover: [] })).not.toHaveProperty('recover');
    expect(await basePlan({})).not.toHaveProperty('recover');
  });

  it('recovers each layer on its own with --no-sequential, and where the plan file says so', async () => {
    const plan = join(folder, 'alone.quant.json');
    writeFileSync(plan, '{"version": 1, "recover": {"steps": ["gptq"], "sequential": false}}');
    const alone = { steps: ['gptq'], sequential: false };
    expect((await basePlan({ plan, sequential: true })).recover).toEqual(alone);
    expect((await basePlan({ plan, recover: ['inq'] })).recover).toEqual({ ...alone, steps: ['inq'] });
    expect((await basePlan({ recover: ['gptq'], sequential: false })).recover).toEqual(alone);
    await expect(basePlan({ sequential: false })).rejects.toThrow('--no-sequential goes with --recover.');
    await expect(basePlan({ recover: ['equalize'], sequential: false })).rejects.toThrow(UsageError);
  });

  it('asks for data, and writes nothing without', async () => {
    const model = join(folder, 'mnist_cnn.onnx');
    copyFileSync(join(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx'), model);
    const before = readdirSync(folder);
    const call = ['quantize', model, '--scheme', 'w4', '--recover', 'bias,gptq'];
    const { exitCode, stderr } = await callCli(call);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      'Recovering accuracy (gptq, bias) needs inputs of the model: give --data PATH, or --recover none.',
    );
    expect(readdirSync(folder)).toEqual(before);
  });
});
