import type { OutputDetails, SampleDescription } from '../core/compareResults';
import type { CompareResult } from '../core/results';
import { classText } from '../shared/classText';
import { formatDigits, formatNumber, formatShape } from '../shared/format';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import type { CompareOptions } from './compareOptions';
import { layerCsv, layerTable } from './layerText';
import { bytesText, decibelText, jsonText, percentText, printable, table } from './text';

/** `roundoff compare A B --data PATH`: what B loses and gains against A. */
export async function compare(a: string, b: string, options: CompareOptions, io: CliIo): Promise<number> {
  const { data, samples, seed, dim: dimensions, sample, top, minSqnr } = options;
  if (data === undefined) {
    throw new UsageError(
      'A comparison runs both models: give --data PATH, or --data random for made-up inputs.',
    );
  }
  if (options.csv && (options.json || !options.layers || minSqnr !== undefined)) {
    throw new UsageError(
      '--csv prints layers and nothing else: give it with --layers, without --json or --min-sqnr.',
    );
  }
  const calibration = { data, samples, seed };
  const compareLayers = () => callEngine(io, 'compareLayers', { a, b, calibration, dimensions });
  if (options.csv) {
    io.stdout(layerCsv(await compareLayers()));
    return ExitCode.done;
  }
  const result = await callEngine(io, 'compare', { a, b, calibration, dimensions, sample, top });
  const described =
    sample === undefined
      ? undefined
      : await callEngine(io, 'describeSample', { file: a, calibration, dimensions, sample, picture: false });
  const layers = options.layers ? await compareLayers() : undefined;
  if (options.json) {
    io.stdout(
      jsonText({
        ...withoutPoints(result),
        ...(described && { sample: described }),
        ...(layers && { layers }),
      }),
    );
  } else {
    io.stdout(describeComparison(result, data, described) + (layers ? `\n${layerTable(layers)}` : ''));
  }
  if (minSqnr === undefined) return ExitCode.done;
  const below = result.outputs.filter(({ sqnrDb }) => sqnrDb !== null && sqnrDb < minSqnr);
  for (const { name, sqnrDb } of below) {
    io.stderr(
      printable(
        `limit not met: output ${name} has an SQNR of ${decibelText(sqnrDb)}, less than ${minSqnr} dB\n`,
      ),
    );
  }
  return below.length > 0 ? ExitCode.limitNotMet : ExitCode.done;
}

/** Pairs of outputs are for plots. */
function withoutPoints(result: CompareResult): CompareResult {
  const outputs = result.outputs.map(({ details, ...output }) => ({
    ...output,
    ...(details && { details: { ...details, points: [] } }),
  }));
  return { ...result, outputs };
}

function describeComparison(result: CompareResult, data: string, described?: SampleDescription): string {
  const slice = result.slice === 'all' ? 'all samples' : 'samples of the verify slice';
  const lines = [
    `a: ${result.a}`,
    `b: ${result.b}`,
    `${result.samples} samples (${slice}) of ${data}`,
    '',
    ...(described ? [...sampleLines(described, result), ''] : []),
    ...result.outputs.flatMap(outputLines),
    '',
    costTable(result),
    ...result.notes.map((note) => `note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** What the chosen sample is; what the models make of it stands with each output. */
function sampleLines(
  { sample, label, file, inputs }: SampleDescription,
  { outputs }: CompareResult,
): string[] {
  const names = outputs.find(({ details }) => details && details.classes > 0)?.details?.classNames ?? {};
  const known = [
    ...(file === null ? [] : [file]),
    ...(label === null ? [] : [`label ${classText(label, names)}`]),
  ];
  return [
    `sample ${sample}${known.length > 0 ? `: ${known.join(', ')}` : ''}`,
    ...inputs.map(({ name, dtype, shape, min, max, mean }) => {
      const values =
        min === null || max === null || mean === null
          ? ''
          : `, values ${formatNumber(min)} to ${formatNumber(max)}, mean ${formatNumber(mean)}`;
      return `  input ${name}: ${dtype} ${formatShape(shape)}${values}`;
    }),
  ];
}

function outputLines(output: CompareResult['outputs'][number]): string[] {
  const cosine = output.cosine === null ? 'unknown' : output.cosine.toFixed(6);
  const lines = [
    `output ${output.name}: SQNR ${decibelText(output.sqnrDb)}, cosine ${cosine}, largest difference ${formatDigits(output.maxAbs, 4)}`,
  ];
  const figures = [
    ['top-1', output.top1],
    ['top-5', output.top5],
    ['pixels', output.pixelAccuracy],
  ] as const;
  for (const [name, figure] of figures) {
    if (!figure) continue;
    const accuracy =
      figure.a === null ? '' : `; accuracy a ${percentText(figure.a)}, b ${percentText(figure.b)}`;
    lines.push(`  ${name} agreement ${percentText(figure.agreement)}${accuracy}`);
  }
  const { dice, sample, details } = output;
  if (details && details.vectors > 0) lines.push(...flipLines(details));
  if (dice) {
    const rows = dice.a.map((a, index) => [String(index), a.toFixed(4), dice.b[index]?.toFixed(4) ?? '']);
    lines.push(indent(table(['class', 'Dice a', 'Dice b'], rows, new Set([1, 2]))));
  }
  if (sample) {
    const names = details?.classNames ?? {};
    const rows = sample.a.map((best, index) => {
      const other = sample.b[index];
      return [
        classText(best.class, names),
        formatDigits(best.score, 4),
        other ? classText(other.class, names) : '',
        other ? formatDigits(other.score, 4) : '',
      ];
    });
    lines.push(`  sample ${sample.index}`, indent(table(['class a', 'score', 'class b', 'score'], rows)));
  }
  return lines;
}

/** Changed classes named in the text; JSON has more. */
const SHOWN_FLIPS = 10;

function flipLines({ flips, flipCount, vectors, classNames }: OutputDetails): string[] {
  if (flipCount === 0) return [];
  const shown = flips.slice(0, SHOWN_FLIPS).map(({ sample, position, a, b, label }) => {
    const at = position === undefined ? `${sample}` : `${sample}[${position}]`;
    const text = (index: number): string => classText(index, classNames);
    return `${at} (${text(a)} → ${text(b)}${label === null ? '' : `, label ${text(label)}`})`;
  });
  const more = flipCount > shown.length ? ` and ${flipCount - shown.length} more` : '';
  return [`  classes that change: ${flipCount} of ${vectors}: ${shown.join(', ')}${more}`];
}

function costTable({ latencyMs, peakMemoryBytes, bytes, deflatedBytes }: CompareResult): string {
  const ratio = (a: number, b: number): string => `${(b / a).toFixed(2)} ×`;
  const row = (
    name: string,
    { a, b }: { a: number; b: number },
    text: (value: number) => string,
  ): string[] => [name, text(a), text(b), ratio(a, b)];
  return table(
    ['', 'a', 'b', 'b / a'],
    [
      row('latency, one sample (median, in turns)', latencyMs, (ms) => `${formatDigits(ms, 3)} ms`),
      row('peak memory of a process', peakMemoryBytes, bytesText),
      row('files', bytes, bytesText),
      row('files, deflated', deflatedBytes, bytesText),
    ],
    new Set([1, 2, 3]),
  );
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
