/** What a comparison found, as Markdown. Free of vscode. */
import type { LayerComparison, OutputDetails } from '../../core/compareResults';
import type { CompareResult } from '../../core/results';
import { formatBytes, formatDb, formatNumber, formatPercent, plural } from '../../shared/format';
import { classText, whichIsRight } from '../../shared/classText';
import { differenceChart } from '../../shared/charts/differenceChart';
import { inline, markdownTable } from '../../shared/report/markdownText';
import { scatterChart } from '../../shared/charts/scatterChart';
import { Figures } from './figures';
import { layerSection } from './layerSection';

export interface Comparison {
  readonly result: CompareResult;
  /** Or why there is none. */
  readonly layers: LayerComparison | { readonly reason: string };
  /** Path as given, or `random`. */
  readonly data: string;
  /** B is what the plan makes of A, and is not kept. */
  readonly isPlan: boolean;
  /** Of quantizing as planned. */
  readonly notes: readonly string[];
}

type Output = CompareResult['outputs'][number];
type Pair = { a: number | null; b: number | null };

/** Rows of a table at most: a preview is to be read. */
const MOST_ROWS = 30;
/** Outputs that are drawn. */
const MOST_CHARTS = 4;

/**
 * The comparison as Markdown with its charts inside. Every figure says what it was measured on.
 * @param dark whether charts are for a dark theme.
 */
export function compareReport(
  { result, layers, data, isPlan, notes }: Comparison,
  { dark = false }: { readonly dark?: boolean } = {},
): string {
  const { samples, slice, outputs } = result;
  const where =
    slice === 'all' ? plural(samples, 'sample') : `${plural(samples, 'sample')} of the verify slice`;
  const source =
    data === 'random' ? '**random inputs** (figures do not hold for real data)' : inline(baseName(data));
  const [a, b] = [baseName(result.a), baseName(result.b)].map(inline);
  const figures = new Figures(dark);
  return [
    isPlan ? `# ${a} against its plan` : `# ${a} against ${b}`,
    `A is ${a}, B is ${isPlan ? `what the plan makes of it (${b}, not kept)` : b}. Measured on ${where} from ${source}, both files as run.`,
    '## Output error of B against A',
    markdownTable(
      ['Output', 'SQNR', 'Cosine', 'Largest difference'],
      outputs.map(({ name, sqnrDb, cosine, maxAbs }) => [
        name,
        formatDb(sqnrDb),
        cosine === null ? '–' : cosine.toFixed(6),
        formatNumber(maxAbs),
      ]),
    ),
    ...classTables(outputs),
    ...outputs.flatMap((output) => detailTables(output, outputs.length > 1)),
    ...layerSection(layers, figures),
    ...outputCharts(outputs, figures),
    '## Cost',
    costTable(result),
    ...(notes.length > 0 ? ['## Notes', notes.map((note) => `- ${inline(note)}`).join('\n')] : []),
    ...figures.definitions(),
    '',
  ].join('\n\n');
}

function classTables(outputs: readonly Output[]): string[] {
  const rows = outputs.flatMap(({ name, top1, top5, pixelAccuracy }) =>
    Object.entries({ 'top-1': top1, 'top-5': top5, 'pixel accuracy': pixelAccuracy }).flatMap(
      ([kind, figures]) =>
        figures ? [[name, kind, formatPercent(figures.agreement), share(figures.a), share(figures.b)]] : [],
    ),
  );
  const dice = outputs.flatMap(({ name, dice: scores }) =>
    (scores?.a ?? []).map((a, label) => [
      name,
      String(label),
      formatNumber(a),
      formatNumber(scores?.b[label] ?? 0),
    ]),
  );
  return [
    ...(rows.length > 0
      ? ['## Classes', markdownTable(['Output', 'Figure', 'Agreement', 'A, labelled', 'B, labelled'], rows)]
      : []),
    ...(dice.length > 0 ? ['## Dice per class', markdownTable(['Output', 'Class', 'A', 'B'], dice)] : []),
  ];
}

/** What one output tells beyond its error. @param named whether headings have to say which output it is. */
function detailTables({ name, details, sample }: Output, named: boolean): string[] {
  const of = named ? ` of ${inline(name)}` : '';
  return [
    ...(details && details.vectors > 0 ? flipTable(details, of) : []),
    ...(details && details.confusion.labelled > 0 ? confusionTable(details, of) : []),
    ...(sample
      ? [
          `## Class scores${of}, sample ${sample.index}`,
          markdownTable(
            ['Rank', 'Class of A', 'Score', 'Class of B', 'Score'],
            sample.a.map((best, rank) => {
              const other = sample.b[rank];
              return [
                String(rank + 1),
                classText(best.class, details?.classNames ?? {}),
                formatNumber(best.score),
                other ? classText(other.class, details?.classNames ?? {}) : '–',
                other ? formatNumber(other.score) : '–',
              ];
            }),
          ),
        ]
      : []),
  ];
}

function flipTable({ flips, flipCount, vectors, classNames }: OutputDetails, of: string): string[] {
  const heading = `## Classes that change${of}`;
  if (flipCount === 0) return [heading, `None of ${vectors}.`];
  const shown = flips.slice(0, MOST_ROWS);
  const labelled = shown.some(({ label }) => label !== null);
  const more = flipCount > shown.length ? `; the first ${shown.length} are shown` : '';
  return [
    heading,
    `${flipCount} of ${vectors} (${formatPercent(flipCount / vectors)})${more}.`,
    markdownTable(
      ['Sample', 'A', 'B', ...(labelled ? ['Label', 'Right'] : [])],
      shown.map(({ sample, position, a, b, label }) => [
        position === undefined ? String(sample) : `${sample}, position ${position}`,
        classText(a, classNames),
        classText(b, classNames),
        ...(labelled ? [label === null ? '–' : classText(label, classNames), whichIsRight(a, b, label)] : []),
      ]),
    ),
  ];
}

/** Labels that are taken for other classes, the most frequent mistakes first. */
function confusionTable({ confusion, classNames }: OutputDetails, of: string): string[] {
  const { labelled, kinds, mistakes } = confusion;
  const heading = `## Labels taken for other classes${of}`;
  if (kinds === 0) return [heading, `None of ${labelled}, by A or B.`];
  const shown = mistakes.slice(0, MOST_ROWS);
  const more = kinds > shown.length ? `, the ${shown.length} most frequent kinds` : '';
  return [
    heading,
    `Mistakes among ${labelled} with a label${more}.`,
    markdownTable(
      ['Label', 'Taken for', 'By A', 'By B'],
      shown.map((row) => [
        classText(row.label, classNames),
        classText(row.predicted, classNames),
        String(row.a),
        String(row.b),
      ]),
    ),
  ];
}

function outputCharts(outputs: readonly Output[], figures: Figures): string[] {
  const drawn = outputs.filter(({ details }) => details && details.points.length > 0).slice(0, MOST_CHARTS);
  if (drawn.length === 0) return [];
  return [
    '## Output values',
    ...drawn.flatMap(({ name, details }) => {
      const sides = { a: 'A', b: 'B' };
      const differ = `Differences at output ${name}`;
      return [
        figures.add(
          `Output ${name}`,
          scatterChart(details?.points ?? [], { title: `Output ${name}`, ...sides }),
        ),
        ...(details?.differences
          ? [figures.add(differ, differenceChart(details.differences, { title: differ, ...sides }))]
          : []),
      ];
    }),
  ];
}

function costTable({ latencyMs, peakMemoryBytes, bytes, deflatedBytes }: CompareResult): string {
  return markdownTable(
    ['', 'A', 'B', 'B / A'],
    [
      costRow('Latency, median of single runs', latencyMs, (ms) => `${formatNumber(ms)} ms`),
      costRow('Peak memory', peakMemoryBytes, formatBytes),
      costRow('File', bytes, formatBytes),
      costRow('File, deflated', deflatedBytes, formatBytes),
    ],
  );
}

function costRow(name: string, { a, b }: Pair, format: (value: number) => string): string[] {
  const show = (value: number | null): string => (value === null ? '–' : format(value));
  return [name, show(a), show(b), a && b !== null ? `${formatNumber(b / a)} ×` : '–'];
}

function share(value: number | null): string {
  return value === null ? '–' : formatPercent(value);
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
