import { InvalidArgumentError } from 'commander';
import type { ActivationRangeRule } from '../core/quant/scheme';

export const rangeForms = 'auto, max, average, mse, entropy, aciq or percentile:P';

/** The rule that a word stands for; undefined when there is none. */
export function parseRangeRule(text: string): ActivationRangeRule | undefined {
  switch (text) {
    case 'auto':
    case 'max':
    case 'average':
    case 'mse':
    case 'entropy':
    case 'aciq':
      return text;
    default: {
      const percent = Number(/^percentile:(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
      return percent > 50 && percent <= 100 ? `percentile:${percent}` : undefined;
    }
  }
}

export function activationRange(text: string): ActivationRangeRule {
  const rule = parseRangeRule(text);
  if (!rule) throw new InvalidArgumentError(`It must be ${rangeForms} with P above 50 and up to 100.`);
  return rule;
}
