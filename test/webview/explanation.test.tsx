import { describe, expect, it } from 'vitest';
import type { LayerExplanation } from '../../src/core/explainResults';
import { Explanation } from '../../webview/inspector/Explanation';
import { errorFacts, standingText } from '../../webview/inspector/explanationText';
import { renderMarkup } from '../support/renderMarkup';

const explanation: LayerExplanation = {
  layer: 'conv1',
  scheme: 'w8a8',
  measured: { metric: 'kl', sensitivity: 0.0123, standardError: 0.0011, rank: 1, of: 18 },
  weight: {
    sqnrDb: 38.42,
    clipping: 0.12,
    rounding: 0.88,
    channelSpread: 14.2,
    worstChannels: [
      { channel: 12, share: 0.31 },
      { channel: 4, share: 0.09 },
    ],
  },
  activations: [{ value: 'relu<1>', role: 'output', sqnrDb: 27.3, clipping: 0.7, rounding: 0.3, tail: 6.2 }],
  causes: [
    { kind: 'activationRange', share: 0.64, text: 'Few values stretch the range.' },
    { kind: 'interaction', share: null, text: 'It costs more among others.' },
  ],
  remedies: [
    { scheme: 'w8a16', sensitivity: 0.0004, weightSqnrDb: 38.42, bytes: 9400, text: 'Rounds finely.' },
    { scheme: 'w8a8', sensitivity: null, weightSqnrDb: null, bytes: 9400, text: 'As it is.' },
  ],
};
const draw = (part: Partial<LayerExplanation> = {}): string =>
  renderMarkup(
    <Explanation explanation={{ ...explanation, ...part }} planned="w8a8" onScheme={() => undefined} />,
  );

describe('Explanation', () => {
  it('has a share bar for every cause of which a share is known, and the sentence of each', () => {
    expect(draw().match(/class="share-fill"/g)).toHaveLength(3);
    expect(draw()).toContain('class="share-fill" width="64.0%"');
    expect(draw()).toContain('Few values stretch the range.');
    expect(draw()).toContain('It costs more among others.');
    expect(draw()).toContain('relu&lt;1&gt;');
    expect(draw()).not.toContain('style=');
  });

  it('offers every remedy that the plan does not have', () => {
    expect(draw()).toContain('aria-label="Apply w8a16"');
    expect(draw()).not.toContain('aria-label="Apply w8a8"');
    expect(draw()).toContain('not measured');
  });

  it('says so when nothing stands out, nothing helps or nothing is known of the weight', () => {
    const bare = draw({ causes: [], remedies: [], weight: null, activations: [] });
    expect(bare).toContain('Nothing stands out');
    expect(bare).toContain('Nothing that was tried does better.');
    expect(bare).not.toContain('Channels with most');
    expect(bare).not.toContain('<dl');
  });
});

describe('what an explanation says in words', () => {
  it('tells where the layer stands', () => {
    expect(standingText(explanation)).toBe('As w8a8: KL 0.0123 ± 0.0011, the worst of 18 layers.');
    const measured = explanation.measured && { ...explanation.measured, rank: 3 };
    expect(standingText({ ...explanation, measured })).toContain('number 3 of 18 layers');
    expect(standingText({ ...explanation, measured: null })).toContain('Not measured yet');
  });

  it('tells clipping and rounding apart, of the weight and of what it gives', () => {
    expect(errorFacts(explanation)).toEqual([
      {
        name: 'Weight',
        value: '38.4 dB, 12.0 % clipping, 88.0 % rounding; the widest channel is 14.2 × the median one',
      },
      {
        name: 'Output',
        value:
          'relu<1>: 27.3 dB, 70.0 % clipping, 30.0 % rounding; its largest value is 6.2 × the 99.9th percentile',
      },
    ]);
  });
});
