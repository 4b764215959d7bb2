/** The results as Markdown, a table per model. */
import { statSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { lowestSqnr, scoreOf, type Cell, type DoneCell, type Score } from './schemeCells';
import { schemeModel } from './schemeModels';
import { median } from './table';
import { toolSchemes } from './toolSchemes';

const introduction = `# Schemes

Written by \`npm run bench -- schemes\`, which drives the built command line as users do: \`quantize\`, then \`compare\` with the float
model on samples that did not calibrate. Every file is run at full optimization.

- **of float**: bytes of the written file, and their share of the float file's.
- **layers**: how many have the scheme, of all. **SQNR**: of the output that lost most, dB.
- **score**: top-1 accuracy or mean Dice in percent, where there are labels; else how often both name the same class.
- **time**: median of single runs at batch 1, float and quantized in turn, quantized / float. **memory**: peak of a process that loads
  and runs the file, quantized (float); Node and the runtime are in it.
- **tool** rows: ONNX Runtime's own quantizer on the same samples, where it has the scheme: ${toolSchemes
  .map(({ scheme, words }) => `\`${scheme}\` is ${words}`)
  .join('; ')}.`;

/** @param cells in any order. @param absent models that are not in the table, one sentence each. @param path where it will be. */
export async function schemeTable(
  cells: readonly Cell[],
  order: { readonly models: readonly string[]; readonly schemes: readonly string[] },
  absent: readonly string[],
  path: string,
): Promise<string> {
  const sections = order.models.flatMap((model) => {
    const own = cells.filter((cell) => cell.model === model);
    return own.length === 0 ? [] : [modelSection(model, sortCells(own, order.schemes))];
  });
  const text = [
    introduction,
    circumstances(cells),
    ...sections,
    ...absent.map((line) => `Left out: ${line}`),
  ];
  return format(text.join('\n\n'), { ...(await resolveConfig(path)), parser: 'markdown' });
}

function circumstances(cells: readonly Cell[]): string {
  const machines = [...new Set(cells.map(({ machine }) => machine))];
  const dates = cells.map(({ date }) => date.slice(0, 10)).sort();
  const commits = [...new Set(cells.map(({ commit }) => commit))];
  const days = [...new Set([dates[0], dates.at(-1)])].join(' to ');
  const load = median(cells.map((cell) => cell.load)).toFixed(1);
  return `Measured ${days} at ${commits.join(', ')} on ${machines.join('; ')}. The machine's load had a median of ${load}.`;
}

function sortCells(cells: readonly Cell[], schemes: readonly string[]): Cell[] {
  const rank = ({ scheme, by }: Cell): number => {
    const at = schemes.indexOf(scheme);
    return 2 * (at < 0 ? schemes.length : at) + (by === 'tool' ? 1 : 0);
  };
  return [...cells].sort((a, b) => rank(a) - rank(b));
}

function modelSection(name: string, cells: readonly Cell[]): string {
  const { file, dataWords } = schemeModel(name);
  const done = cells.filter((cell) => cell.status === 'done');
  const score = done.map(({ comparison }) => scoreOf(comparison)).find((figure) => figure !== undefined);
  const latency = median(done.map(({ comparison }) => comparison.latencyMs.a));
  const facts = [
    ...(file === undefined ? [] : [`${statSync(file).size.toLocaleString('en')} bytes in float`]),
    ...(done.length === 0 ? [] : [`${latency.toPrecision(3)} ms a run`]),
    ...(score && score.kind !== 'agreement' ? [`${score.kind} ${score.float.toFixed(2)} %`] : []),
  ];
  const header = ['scheme', 'by', 'bytes', 'of float', 'layers', 'SQNR dB', 'score', 'time', 'memory MB'];
  const rows = [header, header.map((_, column) => (column < 2 ? '---' : '---:')), ...cells.map(cellRow)];
  const table = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
  const refusals = cells.flatMap((cell) =>
    cell.status === 'done'
      ? []
      : [`- \`${cell.scheme}\`${cell.by === 'tool' ? ' (tool)' : ''} ${cell.status}: ${inline(cell.reason)}`],
  );
  return [`## ${name}`, `${facts.join(', ')}. Data: ${dataWords}.`, table, refusals.join('\n')]
    .filter(Boolean)
    .join('\n\n');
}

function cellRow(cell: Cell): string[] {
  const start = [`\`${cell.scheme}\``, cell.by];
  if (cell.status !== 'done') return [...start, cell.status, '', '', '', '', '', ''];
  return [...start, ...figures(cell)];
}

function figures({ comparison, layers }: DoneCell): string[] {
  const { bytes, latencyMs, peakMemoryBytes } = comparison;
  const megabytes = (value: number) => (value / 1e6).toFixed(0);
  return [
    bytes.b.toLocaleString('en'),
    `${((100 * bytes.b) / bytes.a).toFixed(1)} %`,
    layers ? `${layers.quantized} / ${layers.total}` : '',
    sqnrText(lowestSqnr(comparison)),
    scoreText(scoreOf(comparison)),
    `${(latencyMs.b / latencyMs.a).toFixed(2)} ×`,
    `${megabytes(peakMemoryBytes.b)} (${megabytes(peakMemoryBytes.a)})`,
  ];
}

function sqnrText(db: number): string {
  if (Number.isNaN(db)) return 'not finite';
  return db === Infinity ? 'identical' : db.toFixed(1);
}

function scoreText(score: Score | undefined): string {
  if (!score) return '';
  return `${score.quantized.toFixed(2)}${score.kind === 'agreement' ? ' same' : ''}`;
}

/** Text of another program, as one line that Markdown takes for text. */
function inline(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*{}[\]<>|#]/g, '\\$&');
}
