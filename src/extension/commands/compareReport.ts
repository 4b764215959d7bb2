import type { CompareResult } from '../../core/results';
import { formatBytes, formatDb, formatNumber, formatPercent, plural } from '../../shared/format';

type Pair = { a: number | null; b: number | null };

/** The comparison as Markdown. Every figure says what it was measured on. @param data path as given, or `random`. */
export function compareReport(result: CompareResult, data: string): string {
  const { samples, slice } = result;
  const where =
    slice === 'all' ? plural(samples, 'sample') : `${plural(samples, 'sample')} of the verify slice`;
  const source =
    data === 'random' ? '**random inputs** (figures do not hold for real data)' : code(baseName(data));
  return [
    `# ${text(baseName(result.a))} against ${text(baseName(result.b))}`,
    `A is ${code(baseName(result.a))}, B is ${code(baseName(result.b))}. Measured on ${where} from ${source}, both files as run.`,
    '## Output error of B against A',
    table(
      ['Output', 'SQNR', 'Cosine', 'Largest difference'],
      result.outputs.map(({ name, sqnrDb, cosine, maxAbs }) => [
        code(name),
        formatDb(sqnrDb),
        cosine === null ? '–' : cosine.toFixed(6),
        formatNumber(maxAbs),
      ]),
    ),
    ...classTables(result),
    '## Cost',
    table(
      ['', 'A', 'B', 'B / A'],
      [
        costRow('Latency, median of single runs', result.latencyMs, (ms) => `${formatNumber(ms)} ms`),
        costRow('Peak memory', result.peakMemoryBytes, formatBytes),
        costRow('File', result.bytes, formatBytes),
        costRow('File, deflated', result.deflatedBytes, formatBytes),
      ],
    ),
    '',
  ].join('\n\n');
}

function classTables({ outputs }: CompareResult): string[] {
  const rows = outputs.flatMap(({ name, top1, top5, pixelAccuracy }) =>
    Object.entries({ 'top-1': top1, 'top-5': top5, 'pixel accuracy': pixelAccuracy }).flatMap(
      ([kind, figures]) =>
        figures
          ? [[code(name), kind, formatPercent(figures.agreement), share(figures.a), share(figures.b)]]
          : [],
    ),
  );
  const dice = outputs.flatMap(({ name, dice: scores }) =>
    (scores?.a ?? []).map((a, label) => [
      code(name),
      String(label),
      formatNumber(a),
      formatNumber(scores?.b[label] ?? 0),
    ]),
  );
  return [
    ...(rows.length > 0
      ? ['## Classes', table(['Output', 'Figure', 'Agreement', 'A, labelled', 'B, labelled'], rows)]
      : []),
    ...(dice.length > 0 ? ['## Dice per class', table(['Output', 'Class', 'A', 'B'], dice)] : []),
  ];
}

function costRow(name: string, { a, b }: Pair, format: (value: number) => string): string[] {
  const show = (value: number | null): string => (value === null ? '–' : format(value));
  return [name, show(a), show(b), a && b !== null ? `${formatNumber(b / a)} ×` : '–'];
}

function share(value: number | null): string {
  return value === null ? '–' : formatPercent(value);
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A name as code, whatever is in it: a fence longer than its own backticks, and no cell borders. */
function code(name: string): string {
  const longest = Math.max(0, ...[...name.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const pad = name.startsWith('`') || name.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${name.replaceAll('|', '\\|').replace(/\s+/g, ' ')}${pad}${fence}`;
}

function text(name: string): string {
  return name.replace(/[\\`*_{}[\]<>()#+!|]/g, '\\$&');
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
