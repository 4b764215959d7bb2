/** What a user can search for, and what the texts typed for it mean. Free of vscode. */
import { givesClasses } from '../../core/scan/sampleFigures';
import type { OutputDescription } from '../../core/graph/types';
import type { ErrorCap, SearchCost, SearchGoal } from '../../core/searchResults';
import { formatBytes, plural } from '../../shared/format';

/** One sentence for the user. */
export interface GoalMistake {
  readonly mistake: string;
}

export interface GoalChoice {
  readonly label: string;
  readonly description: string;
  /** Above the input box. */
  readonly prompt: string;
  /** What the input box begins with. */
  readonly initial: string;
  readonly parse: (text: string) => SearchGoal | GoalMistake;
}

/** What is known of the model that is searched. */
export interface SearchedModel {
  readonly bytes: number;
  /** That can be quantized. */
  readonly layers: number;
  readonly outputs: readonly OutputDescription[];
  /** Of the chosen data; undefined: not known yet. */
  readonly hasLabels: boolean | undefined;
}

/** The goals that make sense for a model. */
export function goalChoices(model: SearchedModel): GoalChoice[] {
  const hasClasses = model.outputs.some(givesClasses);
  return [
    {
      label: 'File Size',
      description: 'least error within so many bytes',
      prompt: `Share of the float model's ${formatBytes(model.bytes)}, or a size such as 1.5 MB`,
      initial: '40%',
      parse: (text) => budget('bytes', text, bytesIn, 'a share such as 40%, or a size such as 1.5 MB'),
    },
    {
      label: 'Bit-Operations',
      description: 'least error within so much work: MACs × bits of weights × bits of activations',
      prompt: "Share of the float model's, or a number",
      initial: '25%',
      parse: (text) => budget('bops', text, numberIn, 'a share such as 25%, or a number of bit-operations'),
    },
    {
      label: 'Latency',
      description: 'least error within so much time of one run on this machine',
      prompt: "Share of the float model's, or milliseconds",
      initial: '80%',
      parse: (text) => budget('latency', text, millisecondsIn, 'a share such as 80%, or a time such as 5 ms'),
    },
    {
      label: 'Float Layers',
      description: 'least error with so many layers left as they are',
      prompt: `Number of layers that may stay float, of ${plural(model.layers, 'layer')}`,
      initial: '2',
      parse: (text) =>
        budget('floatLayers', text, wholeIn, 'a whole number such as 2, or a share such as 10%'),
    },
    {
      label: 'SQNR',
      description: 'smallest file with at least this signal-to-noise ratio at the outputs',
      prompt: 'Least SQNR in dB',
      initial: '30',
      parse: (text) => cap('sqnr', numberIn(text.replace(/\s*dB$/i, '')), 'a number of dB such as 30'),
    },
    ...(hasClasses ? classChoices(model) : []),
  ];
}

function classChoices({ hasLabels }: SearchedModel): GoalChoice[] {
  const drop: GoalChoice = {
    label: 'Accuracy Drop',
    description: 'smallest file that loses at most this much accuracy; needs labels',
    prompt: 'Greatest loss of accuracy, as a share of all samples',
    initial: '1%',
    parse: (text) => cap('accuracyDrop', shareIn(text), 'a share such as 1%'),
  };
  return [
    {
      label: 'Agreement',
      description: "smallest file with this share of the float model's top classes",
      prompt: 'Least share of samples with the same top class',
      initial: '99%',
      parse: (text) => cap('agreement', shareIn(text), 'a share such as 99%'),
    },
    ...(hasLabels === false ? [] : [drop]),
    {
      label: 'KL Divergence',
      description: 'smallest file with at most this divergence of the class probabilities',
      prompt: 'Greatest KL divergence in nats',
      initial: '0.01',
      parse: (text) => cap('kl', numberIn(text), 'a number of nats such as 0.01'),
    },
  ];
}

function budget(
  cost: SearchCost,
  text: string,
  parse: (text: string) => number | undefined,
  forms: string,
): SearchGoal | GoalMistake {
  const share = text.trim().endsWith('%') ? shareIn(text) : undefined;
  const most = share ?? parse(text);
  if (most === undefined) return { mistake: `It must be ${forms}.` };
  if (most === 0 && cost !== 'floatLayers') return { mistake: 'It must be more than 0.' };
  return { kind: 'budget', cost, most, ...(share !== undefined && { ratio: true }) };
}

function cap(error: ErrorCap, limit: number | undefined, forms: string): SearchGoal | GoalMistake {
  if (limit === undefined) return { mistake: `It must be ${forms}.` };
  return { kind: 'cap', error, limit, cost: 'bytes' };
}

/** `40%` or `0.4`: from 0 to 1. */
function shareIn(text: string): number | undefined {
  const percent = /^(.*)%$/.exec(text.trim())?.[1];
  const value = numberIn(percent ?? text);
  const share = value !== undefined && percent !== undefined ? value / 100 : value;
  return share !== undefined && share <= 1 ? share : undefined;
}

/** Plain decimal, not negative. */
function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  return /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : undefined;
}

function wholeIn(text: string): number | undefined {
  const value = numberIn(text);
  return Number.isInteger(value) ? value : undefined;
}

function millisecondsIn(text: string): number | undefined {
  return numberIn(text.replace(/\s*ms$/i, ''));
}

const byteUnits: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

function bytesIn(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(.*?)\s*([kmg]?)b?$/i.exec(text.trim()) ?? [];
  const value = numberIn(number);
  return value === undefined ? undefined : Math.round(value * (byteUnits[unit.toLowerCase()] ?? 1));
}
