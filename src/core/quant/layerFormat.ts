/** A scheme with its options, and the text that stands for both: `w4,block:32,asymmetric,mse`. */
import { codebookKind, parseScheme, schemeForms, type LayerScheme, type SchemeId } from './scheme';

/**
 * Which part of a weight has parameters of its own.
 * - `tensor`: one scale (codebooks: one table, no scales).
 * - `channel`: per output channel.
 * - `kernel`: per input × output channel of a convolution.
 * - `block:N`: per N consecutive inputs of an output channel (channels shorter than a block: per channel).
 * - `group:N`: N output channels share a codebook.
 */
export type Granularity = 'tensor' | 'channel' | 'kernel' | `block:${number}` | `group:${number}`;

/**
 * How the range of a weight is chosen, per slice of its granularity.
 * - `max`: its extremes, as ONNX Runtime's tool: symmetric 4-bit codes stand 2a/15 apart, a being the greatest magnitude.
 * - `narrow`: as many codes below zero as above (−7…7), a/7 apart.
 * - `signed`: the greater extreme takes the code with the greater magnitude (−8 of −8…7), whatever its sign.
 * - `percentile:P`, `mse`: what these words mean for activations. `fixed:A`: ±A.
 * - `auto`: at 8 bits `max`; below, the rule with the least error at the layer's output (without data: `max`).
 */
export type WeightRangeRule =
  'auto' | 'max' | 'narrow' | 'signed' | 'mse' | `percentile:${number}` | `fixed:${number}`;

/** How a bias is stored. `int32`: as the integer kernels need it. */
export type BiasScheme = 'float' | 'int32' | `u${number}` | `lut${number}`;

/** What a scheme leaves open; absent: the usual choice of the scheme. */
export interface FormatOptions {
  readonly granularity?: Granularity;
  /** Signed or unsigned integer codes. */
  readonly signed?: boolean;
  readonly symmetric?: boolean;
  /** One bit of headroom, for processors whose integer kernels saturate. */
  readonly reduceRange?: boolean;
  readonly range?: WeightRangeRule;
  /** Rescale every channel by ⟨w,w⟩/⟨w,Q(w)⟩. Absent: where that lowers the error at the layer's output. */
  readonly gain?: boolean;
  readonly bias?: BiasScheme;
  /** Static also where the runtime has no integer kernel for the operator. */
  readonly forced?: boolean;
  /** `fp16`: the layer also computes in half precision, with Casts at the border of the region. */
  readonly region?: boolean;
}

export interface LayerFormat extends FormatOptions {
  readonly scheme: LayerScheme;
}

/** The format of any row: a node without a weight is `auto` or `float`. */
export type RowFormat = LayerFormat | { readonly scheme: 'auto' };

export interface FormatMistake {
  /** One sentence for the user. */
  readonly mistake: string;
}

type OptionName = keyof FormatOptions;

const integerOptions: readonly OptionName[] = [
  'granularity',
  'signed',
  'symmetric',
  'reduceRange',
  'range',
  'gain',
  'bias',
];

/** The options that mean something for a scheme. */
export function optionsOf(scheme: LayerScheme): readonly OptionName[] {
  switch (scheme) {
    case 'float':
      return [];
    case 'fp16':
      return ['region'];
    case 'w8a8':
    case 'w8a16':
      return [...integerOptions.filter((name) => name !== 'gain'), 'forced'];
    case 'w8':
    case 'w4':
      return integerOptions;
    default:
      return codebookKind(scheme)?.kind === 'uniform' ? ['bias'] : ['granularity', 'gain', 'bias'];
  }
}

/** Granularities that a scheme can have. */
export function allowsGranularity(scheme: LayerScheme, granularity: Granularity): boolean {
  const [word] = granularity.split(':');
  if (scheme === 'w8' || scheme === 'w4') return word !== 'group';
  if (scheme === 'w8a8' || scheme === 'w8a16') return word === 'tensor' || word === 'channel';
  const kind = codebookKind(scheme)?.kind;
  if (kind === 'k-means') return word === 'tensor' || word === 'channel' || word === 'group';
  return kind === 'powers of two' && (word === 'tensor' || word === 'channel');
}

const SMALLEST_BLOCK = 16;
const LARGEST_BLOCK = 256;

/** Words that set one option. */
const words: Readonly<Record<string, FormatOptions>> = {
  tensor: { granularity: 'tensor' },
  channel: { granularity: 'channel' },
  kernel: { granularity: 'kernel' },
  signed: { signed: true },
  unsigned: { signed: false },
  symmetric: { symmetric: true },
  asymmetric: { symmetric: false },
  reduced: { reduceRange: true },
  auto: { range: 'auto' },
  max: { range: 'max' },
  narrow: { range: 'narrow' },
  'signed-extreme': { range: 'signed' },
  mse: { range: 'mse' },
  gain: { gain: true },
  'no-gain': { gain: false },
  forced: { forced: true },
  region: { region: true },
};

export const optionForms =
  'tensor, channel, kernel, block:N (16 to 256), group:N, signed, unsigned, symmetric, asymmetric, reduced, ' +
  'max, narrow, signed-extreme, mse, percentile:P, fixed:A, auto, gain, no-gain, bias:SCHEME, forced or region';

/** The format that `SCHEME[,OPTION…]` stands for, or what is wrong with the text. */
export function parseFormat(text: string): LayerFormat | FormatMistake {
  const [first = '', ...rest] = text.split(',').map((part) => part.trim());
  const scheme = parseScheme(first);
  if (!scheme) return { mistake: `There is no scheme "${first}": it must be ${schemeForms}.` };
  let format: LayerFormat = { scheme };
  for (const word of rest) {
    const option = Object.hasOwn(words, word) ? words[word] : parseOption(word);
    if (!option) return { mistake: `There is no option "${word}": it must be ${optionForms}.` };
    const taken = Object.keys(option).find((name) => name in format);
    if (taken) return { mistake: `"${text}" says twice what ${taken} is.` };
    format = { ...format, ...option };
  }
  const mistake = formatMistake(format);
  return mistake === undefined ? format : { mistake };
}

/** Like `parseFormat`, for rows of any kind: also `auto`. */
export function parseRowFormat(text: string): RowFormat | FormatMistake {
  return text.trim() === 'auto' ? { scheme: 'auto' } : parseFormat(text);
}

function parseOption(word: string): FormatOptions | undefined {
  const [, name, value = ''] = /^(block|group|percentile|fixed|bias):(.+)$/.exec(word) ?? [];
  if (name === 'bias') return isBiasScheme(value) ? { bias: value } : undefined;
  const number = Number(value);
  if (!/^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) return undefined;
  if (name === 'percentile') return { range: `percentile:${number}` };
  if (name === 'fixed') return { range: `fixed:${number}` };
  if (name === 'block') return { granularity: `block:${number}` };
  return name === 'group' ? { granularity: `group:${number}` } : undefined;
}

export function isBiasScheme(text: string): text is BiasScheme {
  return text === 'float' || text === 'int32' || (/^(u|lut)/.test(text) && codebookKind(text) !== undefined);
}

/** What is wrong with a format, in one sentence; undefined when nothing is. */
export function formatMistake(format: LayerFormat): string | undefined {
  const { scheme, granularity, range } = format;
  const allowed = optionsOf(scheme);
  const names = Object.keys(optionTexts(format)) as OptionName[];
  const strange = names.find((name) => !allowed.includes(name));
  if (strange) return `The scheme ${scheme} has no option ${optionTexts(format)[strange] ?? strange}.`;
  if (granularity !== undefined) {
    if (!allowsGranularity(scheme, granularity)) return `The scheme ${scheme} cannot be ${granularity}.`;
    const [word, digits] = granularity.split(':');
    const size = Number(digits ?? 1);
    if (!Number.isInteger(size) || size < 1) return `A ${word} must be a whole number, not ${digits}.`;
    if (word === 'block' && (size < SMALLEST_BLOCK || size > LARGEST_BLOCK)) {
      return `A block must have ${SMALLEST_BLOCK} to ${LARGEST_BLOCK} elements, not ${size}.`;
    }
  }
  const [rule, figure] = (range ?? '').split(':');
  if ((rule === 'narrow' || rule === 'signed') && format.symmetric === false) {
    return `The range ${optionTexts(format).range ?? rule} is for symmetric weights.`;
  }
  if (rule === 'percentile' && !(Number(figure) > 50 && Number(figure) <= 100)) {
    return `A percentile must be above 50 and at most 100, not ${figure}.`;
  }
  const isFloat32 = Math.fround(Number(figure)) > 0 && Math.fround(Number(figure)) < Infinity;
  if (rule === 'fixed' && !isFloat32) {
    return `A fixed range must be above 0 and fit float32 (up to 3.4e38), not ${figure}.`;
  }
  return undefined;
}

/** The text that `parseFormat` reads back: the scheme and the options that are set, in a fixed order. */
export function formatText(format: FormatOptions & { readonly scheme: SchemeId }): string {
  return [format.scheme, ...Object.values(optionTexts(format))].join(',');
}

function optionTexts(format: FormatOptions): Partial<Record<OptionName, string>> {
  const { granularity, signed, symmetric, reduceRange, range, gain, bias, forced, region } = format;
  return {
    ...(granularity !== undefined && { granularity }),
    ...(signed !== undefined && { signed: signed ? 'signed' : 'unsigned' }),
    ...(symmetric !== undefined && { symmetric: symmetric ? 'symmetric' : 'asymmetric' }),
    ...(reduceRange && { reduceRange: 'reduced' }),
    ...(range !== undefined && { range: range === 'signed' ? 'signed-extreme' : range }),
    ...(gain !== undefined && { gain: gain ? 'gain' : 'no-gain' }),
    ...(bias !== undefined && { bias: `bias:${bias}` }),
    ...(forced && { forced: 'forced' }),
    ...(region && { region: 'region' }),
  };
}

/** The options of a format, without its scheme or anything else that an object may carry. */
export function optionsIn(source: FormatOptions): FormatOptions {
  const { granularity, signed, symmetric, reduceRange, range, gain, bias, forced, region } = source;
  return {
    ...(granularity !== undefined && { granularity }),
    ...(signed !== undefined && { signed }),
    ...(symmetric !== undefined && { symmetric }),
    ...(reduceRange !== undefined && { reduceRange }),
    ...(range !== undefined && { range }),
    ...(gain !== undefined && { gain }),
    ...(bias !== undefined && { bias }),
    ...(forced !== undefined && { forced }),
    ...(region !== undefined && { region }),
  };
}
