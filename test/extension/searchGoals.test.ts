import { describe, expect, it } from 'vitest';
import type { OutputDescription } from '../../src/core/graph/types';
import { goalChoices, type SearchedModel } from '../../src/extension/commands/searchGoals';

const classes: OutputDescription[] = [{ name: 'y', kind: 'logits', classAxis: 1 }];
const model: SearchedModel = { bytes: 1_950_000, layers: 5, outputs: classes, hasLabels: true };

/** What a text means for a goal. */
function parse(label: string, text: string) {
  return goalChoices(model)
    .find((choice) => choice.label === label)
    ?.parse(text);
}

const labels = (part: Partial<SearchedModel>): string[] =>
  goalChoices({ ...model, ...part }).map(({ label }) => label);

describe('goals of a search', () => {
  it('begin with a text that is one', () => {
    for (const { initial, parse: meaning } of goalChoices(model))
      expect(meaning(initial)).toHaveProperty('kind');
    expect(goalChoices(model)[0]?.prompt).toContain('1.95 MB');
  });

  it('are those that the model and its data have figures for', () => {
    const always = ['File Size', 'Bit-Operations', 'Latency', 'Float Layers', 'SQNR'];
    expect(labels({})).toEqual([...always, 'Agreement', 'Accuracy Drop', 'KL Divergence']);
    expect(labels({ hasLabels: undefined })).toContain('Accuracy Drop');
    expect(labels({ hasLabels: false })).toEqual([...always, 'Agreement', 'KL Divergence']);
    expect(labels({ outputs: [{ name: 'y', kind: 'values' }] })).toEqual(always);
  });

  it.each([
    ['File Size', '40%', { cost: 'bytes', most: 0.4, ratio: true }],
    ['File Size', ' 1.5 MB ', { cost: 'bytes', most: 1_500_000 }],
    ['File Size', '300kb', { cost: 'bytes', most: 300_000 }],
    ['File Size', '123456', { cost: 'bytes', most: 123_456 }],
    ['Bit-Operations', '2.5e9', { cost: 'bops', most: 2.5e9 }],
    ['Latency', '5 ms', { cost: 'latency', most: 5 }],
    ['Latency', '80 %', { cost: 'latency', most: 0.8, ratio: true }],
    ['Float Layers', '0', { cost: 'floatLayers', most: 0 }],
    ['Float Layers', '10%', { cost: 'floatLayers', most: 0.1, ratio: true }],
  ])('reads a budget of %s: "%s"', (label, text, budget) => {
    expect(parse(label, text)).toEqual({ kind: 'budget', ...budget });
  });

  it.each([
    ['SQNR', '30 dB', { error: 'sqnr', limit: 30 }],
    ['Agreement', '99%', { error: 'agreement', limit: 0.99 }],
    ['Agreement', '0.99', { error: 'agreement', limit: 0.99 }],
    ['Accuracy Drop', '0.5%', { error: 'accuracyDrop', limit: 0.005 }],
    ['KL Divergence', '1e-3', { error: 'kl', limit: 0.001 }],
  ])('reads a limit of %s: "%s"', (label, text, cap) => {
    expect(parse(label, text)).toEqual({ kind: 'cap', cost: 'bytes', ...cap });
  });

  it.each([
    ['File Size', ''],
    ['File Size', '140%'],
    ['File Size', '-3'],
    ['File Size', '0'],
    ['File Size', '1.5 XB'],
    ['Float Layers', '1.5'],
    ['Agreement', '99'],
    ['Accuracy Drop', 'a bit'],
    ['KL Divergence', 'Infinity'],
    ['SQNR', '30 V'],
  ])('says what %s must be instead of "%s"', (label, text) => {
    expect(parse(label, text)).toHaveProperty('mistake', expect.stringMatching(/^It must be .*\.$/));
  });
});
