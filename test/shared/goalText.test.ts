import { expect, it } from 'vitest';
import type { SearchGoal } from '../../src/core/searchResults';
import { aimText, goalText } from '../../src/shared/goalText';

const budget = (
  cost: 'bytes' | 'bops' | 'latency' | 'floatLayers',
  most: number,
  ratio = false,
): SearchGoal => ({
  kind: 'budget',
  cost,
  most,
  ratio,
});
const cap = (error: 'kl' | 'sqnr' | 'accuracyDrop' | 'agreement', limit: number): SearchGoal => ({
  kind: 'cap',
  error,
  limit,
  cost: 'bytes',
});

it.each([
  [budget('bytes', 1_500_000), 'at most 1.50 MB'],
  [budget('bytes', 0.4, true), 'at most 40.0 % of the bytes'],
  [budget('bops', 2e9), 'at most 2.00 G bit-operations'],
  [budget('bops', 0.25, true), 'at most 25.0 % of the bit-operations'],
  [budget('latency', 5.5), 'at most 5.5 ms'],
  [budget('latency', 0.8, true), 'at most 80.0 % of the latency'],
  [budget('floatLayers', 1), 'at most 1 float layer'],
  [budget('floatLayers', 0.1, true), 'at most 10.0 % of the layers in float'],
  [cap('kl', 0.01), 'a KL divergence up to 0.01'],
  [cap('sqnr', 30), 'an SQNR from 30 dB'],
  [cap('accuracyDrop', 0.005), 'an accuracy drop up to 0.5 %'],
  [cap('agreement', 0.99), 'an agreement from 99.0 %'],
])('says what %j asks for', (goal, text) => {
  expect(goalText(goal)).toBe(text);
});

it.each([
  [
    { goal: budget('bytes', 0.4, true), metric: 'kl' },
    'least KL divergence with at most 40.0 % of the bytes',
  ],
  [{ goal: budget('latency', 5.5), metric: 'nmse' }, 'least NMSE with at most 5.5 ms'],
  [{ goal: cap('sqnr', 30), metric: 'nmse' }, 'least bytes with an SQNR from 30 dB'],
] as const)('says what a search of %j is for', (found, text) => {
  expect(aimText(found)).toBe(text);
});
