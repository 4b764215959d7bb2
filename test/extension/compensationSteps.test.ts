import { describe, expect, it } from 'vitest';
import { RECOVER_STEPS, type RecoverStep } from '../../src/core/plan/types';
import { parseRowFormat, type RowFormat } from '../../src/core/quant/layerFormat';
import {
  hasFewCodes,
  rememberedSteps,
  stepItems,
  stepsText,
  suggestedSteps,
  withoutExcluded,
} from '../../src/extension/commands/compensationSteps';

function format(text: string): RowFormat {
  const parsed = parseRowFormat(text);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  return parsed;
}

describe('hasFewCodes(format)', () => {
  it.each(['w4', 'w4,block:32', 'u7', 'lut16', 'lut255', 'pow2-15'])('is true for %s', (text) => {
    expect(hasFewCodes(format(text))).toBe(true);
  });
  it.each(['auto', 'float', 'fp16', 'w8', 'w8a8', 'w8a16', 'u8', 'lut256'])('is false for %s', (text) => {
    expect(hasFewCodes(format(text))).toBe(false);
  });
});

describe('rememberedSteps(stored)', () => {
  it('are those that a layer on its own can take, in order', () => {
    expect(rememberedSteps(['bias', 'equalize', 'gptq', 'what?', 7])).toEqual(['gptq', 'bias']);
    expect(rememberedSteps('gptq')).toEqual([]);
    expect(rememberedSteps(['gptq', 'inq'])).toEqual([]);
  });
});

describe('suggestedSteps(formats)', () => {
  it('begins with INQ where most are powers of two, else with GPTQ', () => {
    expect(suggestedSteps(['pow2-5', 'pow2-15', 'w4', 'w8a8'].map(format))).toEqual(['inq', 'refit', 'bias']);
    expect(suggestedSteps(['pow2-5', 'w4'].map(format))).toEqual(['gptq', 'refit', 'bias']);
    expect(suggestedSteps([format('lut16')])).toEqual(['gptq', 'refit', 'bias']);
  });
});

describe('the steps of a menu', () => {
  const items = (...steps: RecoverStep[]) => stepItems.filter(({ step }) => steps.includes(step));

  it('are all there are, in order, with what they do', () => {
    expect(stepItems.map(({ step }) => step)).toEqual(RECOVER_STEPS);
    for (const { label, description } of stepItems)
      expect(label.length * description.length).toBeGreaterThan(0);
  });

  it('leave GPTQ when INQ is chosen, and the other way round', () => {
    expect(withoutExcluded(items('gptq', 'inq', 'bias'), items('gptq', 'bias'))).toEqual(
      items('inq', 'bias'),
    );
    expect(withoutExcluded(items('gptq', 'inq'), items('inq'))).toEqual(items('gptq'));
    // All at once.
    expect(withoutExcluded(items('gptq', 'inq', 'bias'), items())).toEqual(items('gptq', 'bias'));
  });

  it('stay as they are where nothing excludes another', () => {
    const selected = items('equalize', 'gptq', 'bias');
    expect(withoutExcluded(selected, [])).toBe(selected);
  });
});

describe('stepsText(steps)', () => {
  it('names them in a sentence', () => {
    expect(stepsText(['gptq', 'refit', 'bias'])).toBe('GPTQ, scale refit and bias correction');
    expect(stepsText(['equalize', 'inq'])).toBe('Equalization and INQ');
    expect(stepsText(['descent'])).toBe('Coordinate descent');
  });
});
