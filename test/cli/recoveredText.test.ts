import { expect, it } from 'vitest';
import { recoveredText } from '../../src/cli/recoveredText';
import type { QuantizeResult } from '../../src/core/results';

const result: QuantizeResult = {
  output: 'm.onnx',
  bytes: { before: 1, after: 1 },
  layers: [],
  totals: { quantized: 1, float: 0, bytesBefore: 1, bytesAfter: 1 },
  verification: null,
  notes: [],
  seconds: 1,
};

it('shows each layer with what was kept and what was not', () => {
  const tried = { beforeDb: 1, afterDb: 2 };
  const lines = recoveredText({
    ...result,
    recovered: {
      steps: ['gptq', 'bias'],
      samples: { fit: 7, judge: 1, heldOut: true },
      beforeDb: 1,
      afterDb: 2,
      layers: [
        {
          name: 'conv',
          rule: 'gptq',
          beforeDb: 20.123,
          afterDb: null,
          tried: [
            { ...tried, step: 'gptq', kept: true },
            { ...tried, step: 'bias', kept: false },
          ],
        },
        {
          name: 'other',
          rule: 'nearest',
          beforeDb: 20,
          afterDb: 20,
          tried: [
            { ...tried, step: 'gptq', kept: false },
            { ...tried, step: 'bias', version: 'analytic', kept: true },
          ],
        },
      ],
    },
  });
  expect(lines.join('\n')).toMatch(/conv +gptq +20\.12 dB +– +gptq, no bias/);
  expect(lines.join('\n')).toMatch(/other .* no gptq, bias \(analytic\)/);
});

it('says why nothing could be tried', () => {
  const layer = { name: 'conv', rule: 'nearest' as const, beforeDb: null, afterDb: null, tried: [] };
  const lines = recoveredText({
    ...result,
    recovered: {
      steps: ['gptq'],
      samples: { fit: 7, judge: 1, heldOut: true },
      beforeDb: 1,
      afterDb: 2,
      layers: [{ ...layer, reason: 'is odd' }],
    },
  });
  expect(lines.join('\n')).toContain('none: it is odd');
});

it('says nothing where nothing was recovered', () => {
  expect(recoveredText(result)).toEqual([]);
});
