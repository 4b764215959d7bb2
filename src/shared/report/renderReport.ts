/** The files of a report, from its data alone: the same data gives the same text. */
import type { ReportData } from '../../core/reportResults';
import { barChart } from '../charts/barChart';
import { differenceChart } from '../charts/differenceChart';
import { layerErrorChart } from '../charts/layerErrorChart';
import { scatterChart } from '../charts/scatterChart';
import { csvLine } from '../csv';
import { formatBytes, formatNumber } from '../format';
import { reportMarkdown } from './markdown';

export interface ReportFile {
  /** Within the report's folder. */
  readonly name: string;
  readonly text: string;
}

/** The report in Markdown first, then what it shows and links to, and all of it as JSON. */
export function renderReport(report: ReportData): ReportFile[] {
  const charts = chartsOf(report);
  // Pairs of outputs are in the chart, and samples are many.
  const outputs = report.outputs.map(({ details, ...output }) => ({
    ...output,
    ...(details && { details: { ...details, points: [], samples: [] } }),
  }));
  return [
    {
      name: 'report.md',
      text: reportMarkdown(
        report,
        charts.map(({ name, alt }) => ({ name, alt })),
      ),
    },
    ...charts.map(({ name, text }) => ({ name, text })),
    { name: 'layers.csv', text: layersCsv(report) },
    { name: 'report.json', text: `${JSON.stringify({ ...report, outputs }, undefined, 2)}\n` },
  ];
}

function chartsOf({ layers, outputs, scan }: ReportData): (ReportFile & { alt: string })[] {
  const measured = layers.flatMap(({ layer: name, sensitivity }) =>
    sensitivity === null ? [] : [{ name, value: Math.max(0, sensitivity) }],
  );
  return [
    {
      name: 'layer-error.svg',
      alt: 'Error by layer',
      text: layerErrorChart(
        layers.map(({ layer, accumulatedSqnrDb, localSqnrDb }) => ({
          layer,
          accumulated: accumulatedSqnrDb,
          local: localSqnrDb,
        })),
      ),
    },
    {
      name: 'layer-bytes.svg',
      alt: 'Bytes by layer',
      text: barChart(
        layers.map(({ layer: name, bytesAfter: value, bytesBefore: before }) => ({ name, value, before })),
        {
          title: 'Bytes by layer, before → after',
          label: 'Bytes of each layer in the file.',
          text: formatBytes,
        },
      ),
    },
    ...(scan && measured.length > 0
      ? [
          {
            name: 'sensitivity.svg',
            alt: 'Sensitivity by layer',
            text: barChart(measured, {
              title: `Sensitivity by layer (${scan.metric})`,
              label: 'How much the output changes when only this layer is quantized as planned.',
              text: formatNumber,
            }),
          },
        ]
      : []),
    ...outputs.flatMap(({ name, details }, position) => {
      const number = outputs.length > 1 ? `-${position + 1}` : '';
      const sides = { a: 'float', b: 'quantized' };
      return [
        ...(details && details.points.length > 0
          ? [
              {
                name: `output${number}.svg`,
                alt: `Output ${name}`,
                text: scatterChart(details.points, { title: `Output ${name}`, ...sides }),
              },
            ]
          : []),
        ...(details?.differences
          ? [
              {
                name: `difference${number}.svg`,
                alt: `Differences at output ${name}`,
                text: differenceChart(details.differences, {
                  title: `Differences at output ${name}`,
                  ...sides,
                }),
              },
            ]
          : []),
      ];
    }),
  ];
}

function layersCsv({ layers }: ReportData): string {
  const header = [
    'layer',
    'op',
    'scheme',
    'bits',
    'bytes_before',
    'bytes_after',
    'weight_sqnr_db',
    'sensitivity',
    'accumulated_sqnr_db',
    'local_sqnr_db',
  ];
  const rows = layers.map((row) => [
    row.layer,
    row.op,
    row.scheme,
    row.bits,
    row.bytesBefore,
    row.bytesAfter,
    row.weightSqnrDb,
    row.sensitivity,
    row.accumulatedSqnrDb,
    row.localSqnrDb,
  ]);
  return [header, ...rows].map(csvLine).join('');
}
