import { describe, expect, it } from 'vitest';
import { DEFAULT_SCAN_FORMATS } from '../../src/core/scan/formats';
import { formatItems, rememberedFormats } from '../../src/extension/commands/formatItems';

describe('formats of a scan', () => {
  it('are those that a scan tries by itself when nothing usable is remembered', () => {
    for (const stored of [undefined, [], 'w8', [7, null], ['w99', 'float']]) {
      expect(rememberedFormats(stored)).toEqual(DEFAULT_SCAN_FORMATS);
    }
  });

  it('are otherwise those of the last time, as formats are written now', () => {
    expect(rememberedFormats(['w4 , block:64', 'w8', 'w8', 'w99'])).toEqual(['w4,block:64', 'w8']);
  });

  it('are offered with all others that can be tried, the chosen ones ticked', () => {
    const items = formatItems(DEFAULT_SCAN_FORMATS);
    const ticked = items.filter(({ picked }) => picked).map(({ label }) => label);
    expect(ticked.sort()).toEqual([...DEFAULT_SCAN_FORMATS].sort());
    expect(items.map(({ label }) => label)).not.toContain('float');
    expect(items.length).toBeGreaterThan(ticked.length);
    expect(formatItems(['w4,block:64']).find(({ label }) => label === 'w4,block:64')?.picked).toBe(true);
  });
});
