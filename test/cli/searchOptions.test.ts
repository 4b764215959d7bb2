import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/cliIo';
import { budget, searchGoal } from '../../src/cli/searchOptions';

describe('budget', () => {
  it.each([
    ['latency=2.5ms', { cost: 'latency', most: 2.5 }],
    ['latency=60%', { cost: 'latency', most: 0.6, ratio: true }],
    ['bytes=500000', { cost: 'bytes', most: 500_000 }],
    ['bops=1e9', { cost: 'bops', most: 1e9 }],
    ['float-layers=2', { cost: 'floatLayers', most: 2 }],
  ])('reads %s', (text, expected) => {
    expect(budget(text)).toEqual({ kind: 'budget', ...expected });
  });

  it.each(['latency=2.5', 'bytes=5ms', 'speed=3', 'latency=', 'latency=fast'])('refuses %s', (text) => {
    expect(() => budget(text)).toThrow(/latency=N with ms behind it/);
  });
});

describe('searchGoal', () => {
  it('takes the latency as what is to be least within a limit of the error', () => {
    expect(searchGoal({ data: 'd', maxKl: 0.1, cost: 'latency' })).toEqual({
      kind: 'cap',
      error: 'kl',
      limit: 0.1,
      cost: 'latency',
    });
    expect(() => searchGoal({ data: 'd', budget: budget('latency=50%'), cost: 'latency' })).toThrow(
      UsageError,
    );
  });
});
