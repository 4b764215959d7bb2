/** What `roundoff scan` prints. */
import type { Candidate, ScanMetric, ScanResult } from '../core/results';
import { table } from './text';

const metricNames: Readonly<Record<ScanMetric, string>> = {
  kl: 'KL divergence of the class probabilities, nats',
  nmse: 'noise over signal at the outputs (NMSE)',
  sqnr: 'noise over signal at the outputs in dB (minus the SQNR)',
  accuracy: 'share of right top classes that is lost',
};

/** A line per layer, a column per format with sensitivity ± standard error; the layers that any format hurts least come first. */
export function scanTable(result: ScanResult): string {
  const { metric, samples, candidates, partial } = result;
  const formats = [...new Set(candidates.map(({ scheme }) => scheme))];
  const byLayer = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    byLayer.set(candidate.layer, [...(byLayer.get(candidate.layer) ?? []), candidate]);
  }
  const lines = [...byLayer].toSorted(([, a], [, b]) => leastOf(a) - leastOf(b));
  const rows = lines.map(([layer, own]) => [
    layer,
    ...formats.map((format) => cell(own.find(({ scheme }) => scheme === format))),
  ]);
  const text = [
    table(['layer', ...formats], rows, new Set(formats.map((_, at) => at + 1))),
    '',
    `Sensitivity ± standard error: ${metricNames[metric]}; ${samples} samples of the scan slice, quantization simulated.`,
    ...(candidates.some(({ restoring }) => restoring !== undefined)
      ? [
          'In brackets: what the output gains when all layers have the format but this one; * marks disagreement.',
        ]
      : []),
    timing(result),
    ...failures(candidates),
    ...(partial ? ['Cancelled: what is missing was not measured.'] : []),
  ];
  return `${text.join('\n')}\n`;
}

/** Of the layer's best format: failed ones last. */
function leastOf(candidates: readonly Candidate[]): number {
  return Math.min(...candidates.map(({ sensitivity }) => sensitivity ?? Infinity));
}

function cell(candidate: Candidate | undefined): string {
  if (!candidate) return '';
  const { sensitivity, standardError, restoring, interaction } = candidate;
  if (sensitivity === null) return 'failed';
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
  for (const { layer, scheme, error } of candidates) {
    if (error !== undefined) reasons.set(error, [...(reasons.get(error) ?? []), `${layer} as ${scheme}`]);
  }
  return [...reasons].map(([reason, [first = '', ...others]]) => {
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    return `Failed: ${first}${more}. ${reason}`;
  });
}

const columns = [
  'layer',
  'scheme',
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
