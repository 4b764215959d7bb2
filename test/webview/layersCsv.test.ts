import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/engine/data/csv';
import { layersCsv } from '../../webview/tree/layersCsv';
import { viewRow } from '../support/viewRows';

describe('layersCsv(rows)', () => {
  it('has exact figures, and nothing where one is unknown, guessed or of another plan', () => {
    const candidate = { layer: 'a', scheme: 'w8a8', localSqnrDb: null, bytes: 300 };
    const rows = [
      viewRow('a,"b"', {
        predicted: { bytes: 300, scheme: 'w8a8', planned: 'w8a8' },
        candidate: { ...candidate, sensitivity: 0.25, standardError: 0.01 },
      }),
      viewRow('c', {
        scheme: 'w4',
        macs: null,
        predicted: { bytes: 300, scheme: 'w8a8', planned: 'w8a8' },
        candidate: { ...candidate, sensitivity: 0.5, provisional: true },
      }),
    ];
    expect(parseCsv(layersCsv(rows)).slice(1)).toEqual([
      ['a,"b"', 'Conv', '8×4×3×3', 'float', '288', '1152', '300', '1000', 'w8a8', '0.25', '0.01'],
      ['c', 'Conv', '8×4×3×3', 'float', '288', '1152', '', '', 'w4', '', ''],
    ]);
  });
});
