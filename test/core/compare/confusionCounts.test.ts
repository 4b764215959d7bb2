import { describe, expect, it } from 'vitest';
import { ConfusionCounts } from '../../../src/core/compare/confusionCounts';
import { uniform } from '../../support/random';

describe('ConfusionCounts', () => {
  it('tells both models of every kind that it tells, and how many kinds there are', () => {
    const classes = 1000;
    const random = uniform(3);
    const counts = new ConfusionCounts();
    const [ofA, ofB] = [new Map<string, number>(), new Map<string, number>()];
    const guess = (label: number, right: number): number =>
      random() < right ? label : (label + 1 + Math.floor(random() * 5)) % classes;
    for (let at = 0; at < 10_000; at++) {
      const label = at % classes;
      const [a, b] = [guess(label, 0.7), guess(label, 0.5)];
      counts.add(label, a, b);
      for (const [found, predicted] of [[ofA, a] as const, [ofB, b] as const]) {
        const key = `${label} ${predicted}`;
        if (predicted !== label) found.set(key, (found.get(key) ?? 0) + 1);
      }
    }
    const { labelled, kinds, mistakes } = counts.toJson();
    expect(labelled).toBe(10_000);
    expect(kinds).toBe(new Set([...ofA.keys(), ...ofB.keys()]).size);
    expect(mistakes).toHaveLength(2000);
    for (const { label, predicted, a, b } of mistakes) {
      const key = `${label} ${predicted}`;
      expect([a, b], key).toEqual([ofA.get(key) ?? 0, ofB.get(key) ?? 0]);
    }
    const told = new Set(mistakes.map(({ label, predicted }) => `${label} ${predicted}`));
    const most = (key: string): number => Math.max(ofA.get(key) ?? 0, ofB.get(key) ?? 0);
    const least = Math.min(...[...told].map(most));
    for (const key of [...ofA.keys(), ...ofB.keys()]) {
      if (!told.has(key)) expect(most(key), key).toBeLessThanOrEqual(least);
    }
  });

  it('has the most frequent first, whichever model makes them', () => {
    const counts = new ConfusionCounts();
    counts.add(1, 2, 1);
    for (let time = 0; time < 3; time++) counts.add(4, 9, 4);
    counts.add(5, 5, 6);
    counts.add(5, 5, 6);
    expect(counts.toJson().mistakes).toEqual([
      { label: 4, predicted: 9, a: 3, b: 0 },
      { label: 5, predicted: 6, a: 0, b: 2 },
      { label: 1, predicted: 2, a: 1, b: 0 },
    ]);
  });
});
