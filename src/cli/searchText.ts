import type { QuantizeResult } from '../core/results';
import { formatCounts } from '../core/plan/layerFormats';
import type { SearchPoint, SearchResult } from '../core/searchResults';
import { formatDigits } from '../shared/format';
import { aimText } from '../shared/goalText';
import { bytesText, decibelText, percentText, table } from './text';

/** Rows of the front that are printed; `--json` has all. */
const MOST_ROWS = 24;

export function searchText(result: SearchResult, written: QuantizeResult | undefined): string {
  const { chosen, met, curve, float, front, metric, recover, notes, seconds, trials, rounds, partial } =
    result;
  const samples = chosen.verified?.samples ?? front.find(({ verified }) => verified)?.verified?.samples ?? 0;
  const lines = [
    frontTable(result),
    '',
    `Error: ${metricTexts[metric]}. Predicted: what the layers cost, added up, or simulated together. Verified: the file, run on ` +
      `${samples} samples of the verify slice.`,
    ...(recover
      ? [
          `All with codes and biases that make up for errors, each layer on its own (${recover.steps.join(', ')}).`,
        ]
      : []),
    ...(float.latencyMs === null
      ? []
      : [
          `Time: one run of one sample on this machine, by its fastest runs; the float model takes ${millisecondsText(float.latencyMs)}. ` +
            'With ~ it is foretold from profiles of the layers, else measured. It varies by a tenth, and by more while the machine is busy.',
        ]),
    ...(curve
      ? ['', `Keeping the most sensitive layers float, the others ${curve.format}:`, curveTable(curve)]
      : []),
    '',
    `Chosen (${aimText(result)}${met ? '' : ': NOT MET'}):`,
    formatCounts(chosen.layers)
      .map(([format, count]) => `${count} × ${format}`)
      .join('; '),
    layerTable(chosen),
    '',
    `${trials} plans were run in ${seconds.toFixed(1)} s` +
      (rounds > 0
        ? `; effects of layers were measured again around the plan, ${rounds} ${rounds === 1 ? 'time' : 'times'}.`
        : '.'),
    ...notes.map((note) => `note: ${note}`),
    ...(partial ? ['Cancelled: this is the best plan so far.'] : []),
    ...(written ? [`Wrote ${written.output} (${bytesText(written.bytes.after)})`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

const metricTexts = {
  kl: 'KL divergence of the class probabilities, nats',
  nmse: 'noise over signal at the outputs (NMSE)',
};

function frontTable({ front, chosen, float }: SearchResult): string {
  const hasTimes = float.latencyMs !== null;
  const rows = shownOf(front, chosen).map((point) => {
    const { verified } = point;
    const accuracy = verified?.accuracy;
    return [
      isSame(point, chosen) ? '>' : '',
      bytesText(point.bytes),
      percentText(point.bytes / float.bytes),
      point.bops === null || !float.bops ? '?' : percentText(point.bops / float.bops),
      ...(hasTimes ? [timeText(point)] : []),
      String(point.floatLayers),
      point.predicted.toExponential(2),
      verified ? verified.error.toExponential(2) : '',
      verified ? decibelText(verified.sqnrDb) : '',
      verified ? percentText(verified.agreement) : '',
      accuracy ? `${percentText(accuracy.plan)} (float ${percentText(accuracy.float)})` : '',
    ];
  });
  const header = [
    '',
    'bytes',
    'of float',
    'bops',
    ...(hasTimes ? ['time'] : []),
    'float layers',
    'predicted',
    'verified',
    'SQNR',
    'agreement',
    'accuracy',
  ];
  return table(header, rows, new Set(header.slice(1, -1).map((_, at) => at + 1)));
}

/** Foretold times have a tilde. */
function timeText({ latencyMs, verified }: SearchPoint): string {
  if (latencyMs === null) return '?';
  return `${verified ? '' : '~'}${millisecondsText(latencyMs)}`;
}

function millisecondsText(milliseconds: number): string {
  return `${formatDigits(milliseconds, 3)} ms`;
}

/** All that were run, and as many others as fit. */
function shownOf(front: readonly SearchPoint[], chosen: SearchPoint): SearchPoint[] {
  const isRun = (point: SearchPoint): boolean => point.verified !== null || isSame(point, chosen);
  const others = front.filter((point) => !isRun(point));
  const room = MOST_ROWS - (front.length - others.length);
  const step = Math.max(1, Math.ceil(others.length / Math.max(1, room)));
  const kept = new Set(others.filter((_, at) => at % step === 0));
  return front.filter((point) => isRun(point) || kept.has(point));
}

function isSame(a: SearchPoint, b: SearchPoint): boolean {
  return Object.entries(a.layers).every(([layer, format]) => b.layers[layer] === format);
}

function curveTable({ points }: NonNullable<SearchResult['curve']>): string {
  const rows = points.map(({ floatLayers, bytes, predicted, measured, layers }) => [
    String(floatLayers),
    bytesText(bytes),
    predicted.toExponential(2),
    measured.toExponential(2),
    layers.length > 4 ? `${layers.slice(0, 4).join(', ')}…` : layers.join(', '),
  ]);
  const header = ['float', 'bytes', 'predicted', 'simulated', ''];
  return table(header, rows, new Set([0, 1, 2, 3]));
}

function layerTable({ layers }: SearchPoint): string {
  return table(['layer', 'format'], Object.entries(layers));
}
