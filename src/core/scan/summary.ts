import { InputError } from '../errors';
import type { OutputDescription } from '../graph/types';
import { signalFor } from '../quant/metrics';
import type { Candidate, ScanMetric } from '../results';
import { givesClasses, type NoiseAndSignal, type SampleFigures } from './sampleFigures';

export const NO_LABELS =
  'The metric accuracy needs labels with the samples: give data with labels, or choose another metric.';

/** `kl` when any output gives classes, else `nmse`. */
export function metricOf(outputs: readonly OutputDescription[]): ScanMetric {
  return outputs.some(givesClasses) ? 'kl' : 'nmse';
}

/** @throws InputError for a metric that the model's outputs do not have. */
export function checkMetric(metric: ScanMetric, outputs: readonly OutputDescription[]): void {
  if ((metric !== 'kl' && metric !== 'accuracy') || outputs.some(givesClasses)) return;
  throw new InputError(
    `The metric ${metric} needs an output with classes, and the model has none: take nmse or sqnr.`,
  );
}

/** Noise over signal that stands for none in dB. */
const NO_NOISE_DB = -200;

/** Measured figures of a candidate. */
export type Summary = Required<
  Pick<Candidate, 'standardError' | 'agreement' | 'sqnrDb' | 'accuracy' | 'trials' | 'localSqnrDb'>
> & { readonly sensitivity: number };

/** A figure over samples, and how much each of them moves it: the influence function, times the number of samples. */
interface Estimate {
  readonly value: number;
  readonly influence: readonly number[];
}

/**
 * What samples say of a candidate together. NMSE is the noise of all samples over the signal of all, so its standard error
 * is that of a ratio of means (by linearization); the others are means.
 * @throws InputError for the metric `accuracy` when samples have no labels.
 */
export function summarize(samples: readonly SampleFigures[], metric: ScanMetric): Summary {
  const { value, influence } = estimate(samples, metric);
  const all = nmses(samples);
  const nmse = meanOf(all.map((each) => each.value));
  const locals = samples.flatMap(({ local }) => (local ? [local] : []));
  return {
    sensitivity: value,
    standardError: standardError(influence),
    agreement: meanOrNull(samples.map(({ agreement }) => agreement)),
    sqnrDb: nmse > 0 ? -10 * Math.log10(nmse) : null,
    accuracy: meanOrNull(samples.map(({ accuracy }) => accuracy?.[1] ?? null)),
    trials: samples.length,
    localSqnrDb: locals.length > 0 ? decibels(ratio(locals).value) : null,
  };
}

function estimate(samples: readonly SampleFigures[], metric: ScanMetric): Estimate {
  switch (metric) {
    case 'kl': {
      const divergences = samples.map(({ divergence }) => divergence);
      const { values = [] } = samples[0] ?? {};
      const all = nmses(samples);
      return sum([meanEstimate(divergences), ...values.flatMap((at) => all[at] ?? [])]);
    }
    case 'nmse':
      return sum(nmses(samples));
    case 'sqnr': {
      const all = nmses(samples);
      const total = sum(all);
      const value = total.value / Math.max(1, all.length);
      if (!(value > 0)) return { value: NO_NOISE_DB, influence: samples.map(() => 0) };
      const perNoise = 10 / Math.LN10 / total.value;
      return { value: 10 * Math.log10(value), influence: total.influence.map((each) => each * perNoise) };
    }
    case 'accuracy': {
      const lost = samples.map(({ accuracy }) => {
        if (!accuracy) throw new InputError(NO_LABELS);
        return accuracy[0] - accuracy[1];
      });
      return meanEstimate(lost);
    }
  }
}

/** NMSE of each output. */
function nmses(samples: readonly SampleFigures[]): Estimate[] {
  const outputs = samples[0]?.errors.length ?? 0;
  return Array.from({ length: outputs }, (_, at) =>
    ratio(samples.map(({ errors }): NoiseAndSignal => errors[at] ?? [0, 0])),
  );
}

/** Σ noise / Σ signal, finite also for an output that is always 0; 0 when there is no noise. */
function ratio(pairs: readonly NoiseAndSignal[]): Estimate {
  const noise = pairs.reduce((total, [each]) => total + each, 0);
  if (noise === 0) return { value: 0, influence: pairs.map(() => 0) };
  const signal = signalFor(
    noise,
    pairs.reduce((total, [, each]) => total + each, 0),
  );
  const value = noise / signal;
  const meanSignal = signal / pairs.length;
  return { value, influence: pairs.map(([n, s]) => (n - value * s) / meanSignal) };
}

function meanEstimate(values: readonly number[]): Estimate {
  const value = meanOf(values);
  return { value, influence: values.map((each) => each - value) };
}

function sum(estimates: readonly Estimate[]): Estimate {
  const [first] = estimates;
  return {
    value: estimates.reduce((total, { value }) => total + value, 0),
    influence: (first?.influence ?? []).map((_, at) =>
      estimates.reduce((total, { influence }) => total + (influence[at] ?? 0), 0),
    ),
  };
}

function standardError(influence: readonly number[]): number | null {
  const count = influence.length;
  if (count < 2) return null;
  const squares = influence.reduce((total, each) => total + each * each, 0);
  return Math.sqrt(squares / (count * (count - 1)));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / Math.max(1, values.length);
}

function meanOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? meanOf(known) : null;
}

function decibels(nmse: number): number | null {
  return nmse > 0 ? -10 * Math.log10(nmse) : null;
}
