import type { ReportData, ReportLayer } from '../../core/reportResults';
import { classText } from '../classText';
import { formatBytes, formatDb, formatDigits, formatNumber, formatPercent, plural } from '../format';
import { RECOVERED_HEADER, recoveredRows } from '../recoveredRows';
import { inline, markdownTable } from './markdownText';

type Output = ReportData['outputs'][number];

/** Classes that change, named one by one. */
const MOST_FLIPS = 10;

/** The report for people: fit for a pull request, with links to files beside it alone. */
export function reportMarkdown(
  report: ReportData,
  charts: readonly { readonly name: string; readonly alt: string }[],
): string {
  const { model, bytes, layers, scan, notes } = report;
  const percent = formatPercent(bytes.b / bytes.a);
  const parts = [
    `# ${inline(model)}, quantized`,
    `${formatBytes(bytes.a)} → **${formatBytes(bytes.b)}** (${percent}; ${formatBytes(report.deflatedBytes.b)} when compressed). ` +
      `Figures are of the written file against the float one, ${plural(report.samples, 'sample')} of the verify slice, unless they say otherwise.`,
    ...report.outputs.map(outputText),
    '## Settings',
    settings(report),
    '## Layers',
    markdownTable(
      [
        'layer',
        'op',
        'scheme',
        'bytes',
        'weight',
        ...(scan ? [`sensitivity (${scan.metric})`] : []),
        'alone',
        'accumulated',
      ],
      layers.map((layer) => layerCells(layer, scan !== null)),
    ),
    `SQNR in dB: of the weight; of what the layer gives when it alone is quantized, fed with the float model's values (alone); and with the errors of all layers before it (accumulated). ` +
      `Layers: ${plural(report.layerSamples, 'sample')} of the verify slice, quantization simulated.` +
      (scan ? ` Sensitivity: ${plural(scan.samples, 'sample')} of the scan slice.` : ''),
    ...unmatchedText(report),
    ...recoveredText(report),
    ...charts.map(({ name, alt }) => `![${inline(alt)}](${name})`),
    ...(notes.length > 0 ? ['## Notes', notes.map((note) => `- ${inline(note)}`).join('\n')] : []),
    '## Machine and time',
    machine(report),
    'All figures: [layers.csv](layers.csv), [report.json](report.json).',
  ];
  return `${parts.join('\n\n')}\n`;
}

function outputText({ name, sqnrDb, cosine, top1, top5, pixelAccuracy, dice, details }: Output): string {
  const lines = [
    `- **Output ${inline(name)}**: SQNR ${formatDb(sqnrDb)}${cosine === null ? '' : `, cosine ${cosine.toFixed(6)}`}`,
  ];
  const figures = [
    ['Top-1', top1],
    ['Top-5', top5],
    ['Pixels', pixelAccuracy],
  ] as const;
  for (const [word, figure] of figures) {
    if (!figure) continue;
    const { agreement, a, b } = figure;
    const accuracy =
      a === null || b === null ? '' : `; accuracy ${formatPercent(a)} → **${formatPercent(b)}**`;
    lines.push(`  - ${word}: agreement ${formatPercent(agreement)}${accuracy}`);
  }
  if (dice) {
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    lines.push(
      `  - Dice, mean over ${dice.a.length} classes: ${mean(dice.a).toFixed(4)} → **${mean(dice.b).toFixed(4)}**`,
    );
  }
  if (details && details.flipCount > 0) {
    const shown = details.flips.slice(0, MOST_FLIPS).map(({ sample, position, a, b, label }) => {
      const at = position === undefined ? `${sample}` : `${sample}[${position}]`;
      const text = (index: number): string => inline(classText(index, details.classNames));
      return `${at} (${text(a)} → ${text(b)}${label === null ? '' : `, label ${text(label)}`})`;
    });
    const more = details.flipCount > shown.length ? ', …' : '';
    lines.push(
      `  - Classes that change: ${details.flipCount} of ${details.vectors}: ${shown.join(', ')}${more}`,
    );
  }
  return lines.join('\n');
}

function settings({ plan, data }: ReportData): string {
  const rows = [
    ['Default scheme', plan.defaultScheme],
    [
      'Activations',
      `${plan.activationType}${plan.activationSymmetric ? ', symmetric' : ''}, range ${plan.activationRange}`,
    ],
    ...(plan.recover ? [['Recovered by', plan.recover.steps.join(', ')]] : []),
    [
      'Data',
      `${data.name}: ${plural(data.calibrate, 'sample')} to calibrate, ${data.verify} to verify, seed ${data.seed}`,
    ],
  ];
  return markdownTable(['setting', 'value'], rows);
}

function layerCells(layer: ReportLayer, hasScan: boolean): string[] {
  const known = (db: number | null | undefined): string => (db === undefined ? '' : formatDb(db));
  const isFloat = layer.scheme === 'float';
  return [
    layer.layer,
    layer.op,
    layer.scheme,
    isFloat
      ? formatBytes(layer.bytesAfter)
      : `${formatBytes(layer.bytesBefore)} → ${formatBytes(layer.bytesAfter)}`,
    isFloat ? '' : formatDb(layer.weightSqnrDb),
    ...(hasScan ? [layer.sensitivity === null ? '' : formatNumber(layer.sensitivity)] : []),
    known(layer.localSqnrDb),
    known(layer.accumulatedSqnrDb),
  ];
}

function unmatchedText({ unmatched }: ReportData): string[] {
  if (unmatched.a.length === 0) return [];
  return [
    unmatched.a
      .map(({ layer, reason }) => `- ${inline(layer)} is not compared. ${inline(reason)}`)
      .join('\n'),
  ];
}

function recoveredText({ recovered }: ReportData): string[] {
  if (!recovered || recovered.layers.length === 0) return [];
  const { fit, judge, heldOut } = recovered.samples;
  const judged = heldOut ? plural(judge, 'other calibration sample') : 'the same, too few to hold any out';
  return [
    '## Recovered accuracy',
    markdownTable(RECOVERED_HEADER, recoveredRows(recovered)),
    `SQNR at the layer's output, as far as its weights can change it, with the nearest codes and with those in the file. ` +
      `Fitted to ${plural(fit, 'calibration sample')}; judged by the output on ${judged}: what got no better was left out (no …).`,
  ];
}

function machine({ run }: ReportData): string {
  const { machine: own, latencyMs, peakMemoryBytes } = run;
  const ratio = (a: number, b: number): string => `${(b / a).toFixed(2)} ×`;
  return markdownTable(
    ['', 'float', 'quantized', ''],
    [
      [
        'latency, one sample',
        `${formatDigits(latencyMs.a, 3)} ms`,
        `${formatDigits(latencyMs.b, 3)} ms`,
        ratio(latencyMs.a, latencyMs.b),
      ],
      [
        'peak memory of a process',
        formatBytes(peakMemoryBytes.a),
        formatBytes(peakMemoryBytes.b),
        ratio(peakMemoryBytes.a, peakMemoryBytes.b),
      ],
    ],
  ).concat(
    `\n\n${inline(own.processor)}, ${plural(own.cores, 'core')}, ${own.platform}; Node ${own.node}, ${inline(own.runtime)}. ` +
      `Made ${run.date} in ${run.seconds.toFixed(0)} s. Median of single runs, the two models in turns.`,
  );
}
