/** What `roundoff scan` prints. */
import type { Candidate, ScanMetric, ScanResult } from '../core/results';
import { candidateKey, formatName } from '../core/scan/formats';
import { percentText, table } from './text';

const metricNames: Readonly<Record<ScanMetric, string>> = {
  kl: 'KL divergence of the class probabilities, nats',
  nmse: 'noise over signal at the outputs (NMSE)',
  sqnr: 'noise over signal at the outputs in dB (minus the SQNR)',
  accuracy: 'share of right top classes that is lost',
};

/**
 * A line per layer, a column per format with sensitivity ± standard error, then the layer's best format with its agreement; the
 * layers that any format hurts least come first.
 * @param guesses stand in a result that is not complete for what was not measured, marked as provisional.
 */
export function scanTable(result: ScanResult, guesses: readonly Candidate[] = []): string {
  const { metric, samples, partial } = result;
  const candidates = [...result.candidates, ...(partial ? unmeasured(result, guesses) : [])];
  const formats = [...new Set(candidates.map(formatName))];
  const hasAgreement = candidates.some(({ agreement }) => typeof agreement === 'number');
  const byLayer = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    byLayer.set(candidate.layer, [...(byLayer.get(candidate.layer) ?? []), candidate]);
  }
  const lines = [...byLayer].toSorted(([, a], [, b]) => order(leastOf(a), leastOf(b)));
  const rows = lines.map(([layer, own]) => {
    const best = bestOf(own);
    return [
      layer,
      ...formats.map((format) => cell(own.find((each) => formatName(each) === format))),
      best ? formatName(best) : '',
      ...(hasAgreement ? [percentText(best?.agreement ?? null)] : []),
    ];
  });
  const header = ['layer', ...formats, 'best', ...(hasAgreement ? ['agreement'] : [])];
  const right = new Set(header.flatMap((name, at) => (at > 0 && name !== 'best' ? [at] : [])));
  const text = [
    table(header, rows, right),
    '',
    `Sensitivity ± standard error: ${metricNames[metric]}; ${samples} samples of the scan slice, quantization simulated.`,
    ...(hasAgreement
      ? ["Agreement: share of the samples' top classes that stay the float model's, with the best format."]
      : []),
    ...(candidates.some(({ part }) => part !== undefined)
      ? ['(weights): activations stay float. (activations): weights stay float.']
      : []),
    ...candidates
      .flatMap(({ recover }) => recover ?? [])
      .slice(0, 1)
      .map(
        (steps) =>
          `+ ${steps}: codes and biases of the layer make up for their errors (quantize --recover ${steps} --no-sequential).`,
      ),
    ...(candidates.some(({ provisional }) => provisional)
      ? ['≈ is provisional: the relative error of the weight alone, not measured at the outputs.']
      : []),
    ...(candidates.some(({ restoring }) => restoring !== undefined)
      ? [
          'In brackets: what the output gains when all layers have the format but this one; * marks disagreement.',
        ]
      : []),
    timing(result),
    ...failures(result.candidates),
    ...result.notes,
    ...(partial ? ['Cancelled: what is missing was not measured.'] : []),
  ];
  return `${text.join('\n')}\n`;
}

function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Guesses of what a result lacks. */
function unmeasured({ candidates }: ScanResult, guesses: readonly Candidate[]): Candidate[] {
  const measured = new Set(candidates.map(candidateKey));
  const missing = guesses.map((guess) => [candidateKey(guess), guess] as const);
  return [...new Map(missing.filter(([key]) => !measured.has(key))).values()];
}

/** The measured candidate of a layer that hurts least; undefined when all failed. */
function bestOf(candidates: readonly Candidate[]): Candidate | undefined {
  const [best] = candidates
    .filter(({ sensitivity, provisional }) => sensitivity !== null && !provisional)
    .toSorted((a, b) => (a.sensitivity ?? 0) - (b.sensitivity ?? 0));
  return best;
}

/** Of the layer's best format: layers that failed, or were not measured, last. */
function leastOf(candidates: readonly Candidate[]): number {
  return bestOf(candidates)?.sensitivity ?? Infinity;
}

function cell(candidate: Candidate | undefined): string {
  if (!candidate) return '';
  const { sensitivity, standardError, restoring, interaction } = candidate;
  if (sensitivity === null) return 'failed';
  if (candidate.provisional) return `≈ ${brief(sensitivity)}`;
  const error = standardError === undefined || standardError === null ? '' : ` ± ${brief(standardError)}`;
  const other =
    restoring === undefined || restoring === null ? '' : ` [${brief(restoring)}${interaction ? '*' : ''}]`;
  return `${sensitivity.toExponential(2)}${error}${other}`;
}

function brief(value: number): string {
  return value.toExponential(0);
}

function timing({
  candidates,
  trials,
  seconds,
  preparationSeconds,
  trialSeconds,
  floatPassSeconds,
}: ScanResult): string {
  return (
    `${candidates.length} candidates, ${trials} runs in ${seconds.toFixed(1)} s ` +
    `(preparation ${preparationSeconds.toFixed(1)} s, trials ${trialSeconds.toFixed(1)} s; one float pass ${floatPassSeconds.toFixed(2)} s).`
  );
}

/** Each reason once. */
function failures(candidates: readonly Candidate[]): string[] {
  const reasons = new Map<string, string[]>();
  for (const { error, ...candidate } of candidates) {
    const name = `${candidate.layer} as ${formatName(candidate)}`;
    if (error !== undefined) reasons.set(error, [...(reasons.get(error) ?? []), name]);
  }
  return [...reasons].map(([reason, [first = '', ...others]]) => {
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    return `Failed: ${first}${more}. ${reason}`;
  });
}

const columns = [
  'layer',
  'scheme',
  'part',
  'recover',
  'sensitivity',
  'standardError',
  'agreement',
  'sqnrDb',
  'accuracy',
  'localSqnrDb',
  'trials',
  'bytes',
  'restoring',
  'interaction',
  'error',
] as const satisfies (keyof Candidate)[];

/** RFC 4180, a line per layer and format; what is unknown is empty. */
export function scanCsv({ candidates }: ScanResult): string {
  const lines = candidates.map((candidate) => columns.map((name) => field(candidate[name])).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

function field(value: string | number | boolean | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
