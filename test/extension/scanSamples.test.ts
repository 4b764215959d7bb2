import { describe, expect, it } from 'vitest';
import { sampleMistake, sampleOffer } from '../../src/extension/commands/scanSamples';

const deal = { samples: 200, calibrate: 100, mostScan: 50 };

describe('more samples for a scan', () => {
  it('are offered as far as the data goes', () => {
    expect(sampleOffer(0, deal).suggested).toBe(50);
    expect(sampleOffer(16, deal).suggested).toBe(32);
    expect(sampleOffer(32, deal).suggested).toBe(50);
    expect(sampleOffer(50, deal).suggested).toBeUndefined();
  });

  it('are refused in a sentence where there are none', () => {
    expect(sampleMistake('50', 32, deal)).toBeUndefined();
    expect(sampleMistake('51', 32, deal)).toBe(
      'The data leaves 50 to scan with: of 200 in all, 100 calibrate, and of the rest half is kept to verify.',
    );
    expect(sampleMistake('32', 32, deal)).toBe('It must be more than 32.');
    for (const text of ['0', '-1', '1.5', 'many', '']) expect(sampleMistake(text, 0, deal)).toMatch(/whole/);
  });
});
