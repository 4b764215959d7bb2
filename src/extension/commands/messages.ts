/** The sentences of notifications, free of vscode. */
import type { Preset } from '../../core/plan/presets';
import { labelCounts } from '../../core/quant/schemeCatalog';
import type {
  DataSummary,
  PresetFigure,
  QuantizeResult,
  RewriteResult,
  ScanResult,
} from '../../core/results';
import type { ReportResult } from '../../core/reportResults';
import type { SearchResult } from '../../core/searchResults';
import { formatBytes, formatDb, formatNumber, formatPercent, formatShape, plural } from '../../shared/format';
import { goalText } from '../../shared/goalText';
import { changedText } from '../../shared/rewritePasses';
import { stepsText } from './compensationSteps';

/** What the user should see of chosen data before anything long runs: shape, range, and whether float predicts well. */
export function describeData(summary: DataSummary): { sentence: string; details: string[] } {
  const name = summary.data === 'random' ? 'Random inputs' : baseName(summary.data);
  const inputs = summary.inputs.map(
    ({ name: input, dtype, shape, min, max }) =>
      `${input} ${dtype} ${formatShape(shape)}${rangeText(min, max)}`,
  );
  const { calibrate, scan, verify } = summary.slices;
  const accuracy =
    summary.accuracy &&
    `Float top-1 on ${plural(summary.accuracy.samples, 'sample')}: ${formatPercent(summary.accuracy.top1)}.`;
  const classes = summary.predictions.slice(0, 5).map((prediction) => String(prediction.class));
  const predicted = classes.length > 0 ? `Float predicts class ${classes.join(', ')}.` : undefined;
  const sentence = [
    `${name}: ${plural(summary.samples, 'sample')}, ${inputs.join('; ')}.`,
    accuracy ?? predicted,
    `Slices (seed ${summary.seed}): ${calibrate} calibrate, ${scan} scan, ${verify} verify.`,
    ...summary.notes,
  ];
  const details = [
    sentence.filter(Boolean).join(' '),
    ...summary.predictions.map(({ sample, output, class: found, score, label }) => {
      const truth = label === null ? '' : `, label ${label}`;
      return `  sample ${sample}: ${output} says class ${found} (score ${formatNumber(score)})${truth}`;
    }),
  ];
  return { sentence: sentence.filter(Boolean).join(' '), details };
}

function rangeText(min: number | null, max: number | null): string {
  return min === null || max === null ? '' : ` in ${formatNumber(min)}…${formatNumber(max)}`;
}

/**
 * Size before and after, how close the written file is to float, and what its schemes do not give.
 * @param ops operator by layer name, as far as known: some schemes are fast for some operators only.
 */
export function describeQuantized(
  result: QuantizeResult,
  ops: ReadonlyMap<string, string> = new Map(),
): string {
  const { output, bytes, totals, verification, recovered, calibration, notes } = result;
  const share = bytes.before > 0 ? ` (${formatPercent(bytes.after / bytes.before)})` : '';
  const layers = `${plural(totals.quantized, 'layer')} quantized, ${totals.float} float`;
  const parts = [
    `Wrote ${baseName(output)}: ${formatBytes(bytes.before)} → ${formatBytes(bytes.after)}${share}, ${layers}.`,
  ];
  const labels = labelCounts(result.layers.map((layer) => ({ ...layer, op: ops.get(layer.name) })));
  if (labels.length > 0) parts.push(`${capitalized(labels.join('; '))}.`);
  if (recovered && (recovered.layers.length > 0 || recovered.steps.includes('equalize'))) {
    const won = `${formatDb(recovered.beforeDb)} → ${formatDb(recovered.afterDb)}`;
    const { judge, heldOut } = recovered.samples;
    const where = `${plural(judge, 'sample')}${heldOut ? ' held out' : ', too few to hold any out'}`;
    parts.push(`${stepsText(recovered.steps)}: output ${won} on ${where}.`);
  }
  const random = calibration?.data === 'random';
  if (random) parts.push('Calibrated with random inputs: figures will not hold for real data.');
  if (verification) {
    const errors = verification.outputs.map(({ name, sqnrDb }) => `${name} ${formatDb(sqnrDb)}`);
    const where = `${plural(verification.samples, random ? 'random sample' : 'sample')} of the verify slice`;
    parts.push(`Output SQNR against float on ${where}, as run: ${errors.join(', ')}.`);
  } else {
    parts.push('It was not run, so its error is unknown.');
  }
  if (notes.length > 0) parts.push(`${plural(notes.length, 'note')} in the log.`);
  return parts.join(' ');
}

/** What a rewrite changed, and the size before and after. */
export function describeRewritten({ output, pass, bytes, changed, notes }: RewriteResult): string {
  const share = bytes.before > 0 ? ` (${formatPercent(bytes.after / bytes.before)})` : '';
  const sizes = `${formatBytes(bytes.before)} → ${formatBytes(bytes.after)}${share}`;
  const parts = [`Wrote ${baseName(output)}: ${changedText(pass, changed)}, ${sizes}.`];
  if (notes.length > 0) parts.push(`${plural(notes.length, 'note')} in the log.`);
  return parts.join(' ');
}

/** What a preset made of a plan. @param formats of all layers. @param random whether it measured on random inputs. */
export function describePreset(
  preset: Preset,
  formats: readonly string[],
  figures: readonly PresetFigure[],
  notes: readonly string[],
  random: boolean,
): { sentence: string; details: string[] } {
  const worst = figures
    .filter(({ format }) => format !== 'float')
    .reduce<PresetFigure | undefined>(
      (least, figure) => ((figure.sqnrDb ?? Infinity) < (least?.sqnrDb ?? Infinity) ? figure : least),
      undefined,
    );
  const parts = [`Preset ${preset}: ${formatCounts(formats)}.`];
  if (worst) parts.push(`The layer that loses most is ${worst.layer}: ${figureText(worst)}.`);
  if (random && figures.some(({ measured }) => measured === 'output')) {
    parts.push('Measured with random inputs: the choice may not suit real data.');
  }
  if (notes.length > 0) parts.push(`${plural(notes.length, 'note')} in the log.`);
  const details = figures.map(
    (figure) =>
      `${figure.layer}: ${figure.format}, ${formatBytes(figure.bytes)}, ${
        figure.format === 'float' ? `would have ${figureText(figure)}` : figureText(figure)
      }`,
  );
  return { sentence: parts.join(' '), details: [...details, ...notes] };
}

/** Formats told apart in a notification; of more, their schemes are counted. */
const TOLD_FORMATS = 3;

function formatCounts(formats: readonly string[]): string {
  const told = new Set(formats).size <= TOLD_FORMATS;
  const counts = new Map<string, number>();
  for (const format of formats) {
    const name = told ? format : (format.split(',')[0] ?? format);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const ranked = [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${count} × ${name}`);
  return ranked.join(told ? '; ' : ', ');
}

function figureText({ sqnrDb, measured }: PresetFigure): string {
  return `SQNR ${formatDb(sqnrDb)} ${measured === 'output' ? 'at its output' : 'of the weight'}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param data path as given, or `random`. */
export function describeScan(
  { candidates, samples, seconds, partial }: ScanResult,
  data: string | undefined,
): string {
  const measured = candidates.filter(({ sensitivity }) => sensitivity !== null);
  const layers = new Set(measured.map(({ layer }) => layer)).size;
  const formats = new Set(measured.map(({ scheme }) => scheme));
  const [format = ''] = formats;
  const how = formats.size > 1 ? ` in ${formats.size} formats` : format && ` as ${format}`;
  const on = `${plural(samples, data === 'random' ? 'random sample' : 'sample')} of the scan slice`;
  const failed = candidates.length - measured.length;
  const trouble = failed > 0 ? ` ${failed} of ${candidates.length} candidates failed.` : '';
  const stopped = partial ? 'Stopped: ' : '';
  return `${stopped}${plural(layers, 'layer')} measured${how} on ${on} in ${formatSeconds(seconds)}.${trouble}`;
}

/** What a search came to: met or not, the chosen plan's bytes and error, and how that is known. */
export function describeSearch(result: SearchResult): string {
  const { goal, chosen, met, partial, float, notes, calibration } = result;
  const size = `${formatBytes(chosen.bytes)} (${formatPercent(chosen.bytes / float.bytes)} of the float model)`;
  const parts = [
    partial
      ? `Search stopped: the best plan so far takes ${size}; the goal was ${goalText(goal)}.`
      : met
        ? `Found a plan with ${goalText(goal)}: ${size}.`
        : `No plan found with ${goalText(goal)}. The closest takes ${size}.`,
    searchErrorText(result),
  ];
  if (calibration?.data === 'random') {
    parts.push('Searched with random inputs: figures will not hold for real data.');
  }
  if (notes.length > 0) parts.push(`${plural(notes.length, 'note')} in the log.`);
  return parts.join(' ');
}

function searchErrorText({ chosen, metric, float }: SearchResult): string {
  const name = metric === 'kl' ? 'KL divergence' : 'NMSE';
  const { verified, predicted, latencyMs } = chosen;
  if (!verified) return `It was not run: ${name} ${formatNumber(predicted)} is the sum of its layers' alone.`;
  const { samples, error, sqnrDb, agreement, accuracy } = verified;
  const figures = [
    `${name} ${formatNumber(error)}`,
    `SQNR ${formatDb(sqnrDb)}`,
    ...(agreement === null ? [] : [`agreement ${formatPercent(agreement)}`]),
    ...(accuracy
      ? [`accuracy ${formatPercent(accuracy.plan)} (float ${formatPercent(accuracy.float)})`]
      : []),
    ...(latencyMs === null || float.latencyMs === null
      ? []
      : [`latency ${formatNumber(latencyMs)} ms (float ${formatNumber(float.latencyMs)} ms)`]),
  ];
  return `Verified on ${plural(samples, 'sample')} of the verify slice, as run: ${figures.join(', ')}.`;
}

/**
 * Where a report is, and the figures it begins with.
 * @param isUnsaved the plan is one that is on no disk. @param random whether it was measured on random inputs.
 */
export function describeReported(
  { folder, files, report }: ReportResult,
  { isUnsaved, random }: { isUnsaved: boolean; random: boolean },
): string {
  const { bytes, outputs, samples, notes, unmatched } = report;
  const share = bytes.a > 0 ? ` (${formatPercent(bytes.b / bytes.a)})` : '';
  const errors = outputs.map(({ name, sqnrDb }) => `${name} ${formatDb(sqnrDb)}`);
  const where = `${plural(samples, random ? 'random sample' : 'sample')} of the verify slice`;
  const parts = [
    `Wrote a report into ${baseName(folder)} (${plural(files.length, 'file')}): ${formatBytes(bytes.a)} → ${formatBytes(bytes.b)}${share}, output SQNR on ${where}: ${errors.join(', ')}.`,
  ];
  if (isUnsaved) parts.push('It is of the plan as the editor shows it, which is not saved yet.');
  if (random) parts.push('Measured with random inputs: figures will not hold for real data.');
  if (unmatched.a.length > 0) parts.push(`${plural(unmatched.a.length, 'layer')} could not be compared.`);
  if (notes.length > 0) parts.push(`${plural(notes.length, 'note')} in the log.`);
  return parts.join(' ');
}

/** Names of other files told in a question. */
const TOLD_FILES = 3;

/** Asked before a report is written among files that are not one's. @param others at least one name. */
export function questionForFolder(
  folder: string,
  others: readonly string[],
): { question: string; detail: string } {
  const told = others.slice(0, TOLD_FILES).join(', ');
  const more = others.length > TOLD_FILES ? ` and ${others.length - TOLD_FILES} more` : '';
  return {
    question: `${folder} has other files in it. Write the report among them?`,
    detail: `Left alone: ${told}${more}. Files of an earlier report are replaced.`,
  };
}

/** What clearing the cached results has freed. */
export function describeCleared({ files, bytes }: { files: number; bytes: number }): string {
  if (files === 0) return 'There were no cached results.';
  return `Cached results cleared: ${formatBytes(bytes)} freed. What is shown stays.`;
}

function formatSeconds(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
