import { InvalidArgumentError } from 'commander';
import { overrideMistake } from '../core/plan/planFile';
import type { TensorOverride } from '../core/plan/types';
import { parseRangeRule } from './rangeRules';

/** What --tensor says, by value name. */
export type TensorOverrides = Readonly<Record<string, TensorOverride>>;

export const tensorForms =
  'uint8, int8, uint16, int16, symmetric, asymmetric, a range rule, MIN..MAX, scale:S and zero-point:Z';

const words: Readonly<Record<string, TensorOverride>> = {
  uint8: { type: 'uint8' },
  int8: { type: 'int8' },
  uint16: { type: 'uint16' },
  int16: { type: 'int16' },
  symmetric: { symmetric: true },
  asymmetric: { symmetric: false },
};

/** `NAME=OPTION[,OPTION…]`, collected; the name may hold `=`. */
export function tensorOverride(text: string, before: TensorOverrides = {}): TensorOverrides {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be NAME=OPTION, such as "input=uint16".');
  const name = text.slice(0, at);
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} is given twice.`);
  let override: TensorOverride = {};
  for (const word of text.slice(at + 1).split(',')) {
    const option = parseOption(word.trim());
    if (!option) throw new InvalidArgumentError(`"${word}" is none of ${tensorForms}.`);
    const taken = Object.keys(option).find((key) => key in override);
    if (taken) throw new InvalidArgumentError(`It says twice what ${taken} of ${name} is.`);
    override = { ...override, ...option };
  }
  const mistake = overrideMistake(override);
  if (mistake !== undefined) throw new InvalidArgumentError(mistake);
  return { ...before, [name]: override };
}

function parseOption(word: string): TensorOverride | undefined {
  if (Object.hasOwn(words, word)) return words[word];
  const [, low, high] = /^(.+?)\.\.(.+)$/.exec(word) ?? [];
  if (low !== undefined && high !== undefined) {
    const [min, max] = [number(low), number(high)];
    return min === undefined || max === undefined ? undefined : { min, max };
  }
  const [, key, value = ''] = /^(scale|zero-point):(.+)$/.exec(word) ?? [];
  const figure = number(value);
  if (key === 'scale') return figure !== undefined && figure > 0 ? { scale: figure } : undefined;
  if (key === 'zero-point') return Number.isInteger(figure) ? { zeroPoint: figure } : undefined;
  const range = parseRangeRule(word);
  return range && range !== 'auto' ? { range } : undefined;
}

function number(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : undefined;
}
