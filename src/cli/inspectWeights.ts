import { InputError } from '../core/errors';
import { nodeSource } from '../core/graph/nodeSource';
import type { FormatUse, SourceFrame, WeightStatistics } from '../core/inspectorResults';
import { readGraph } from '../engine/files/readGraph';
import { formatNumber } from '../shared/format';
import type { WeightStatisticsRequest } from '../shared/rpc';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import type { InspectOptions } from './inspectOptions';
import { layersOf } from './layersOf';
import { countText, decibelText, jsonText, percentText, shapeText } from './text';

/** `roundoff inspect FILE --layer GLOB`: statistics of weights, one after the other. */
export async function inspectWeights(
  file: string,
  { dim, json, layer, scheme, npy }: InspectOptions & { readonly layer: readonly string[] },
  io: CliIo,
): Promise<number> {
  const layers = (await layersOf(file, layer, { dim }, io)) ?? [];
  const [only] = layers;
  if (npy !== undefined && layers.length !== 1) {
    throw new UsageError(`--npy writes one weight, and --layer names ${layers.length} layers.`);
  }
  const { index } = await readGraph({ file, dimensions: dim }, io);
  const found: InspectedWeight[] = [];
  for (const name of layers) {
    const statistics = await statisticsOf({ file, dimensions: dim, layer: name, scheme }, io);
    const ref = index.nodeNamed(name);
    const weight = { ...statistics, source: ref ? nodeSource(ref).frames : [] };
    if (!json) io.stdout(describeWeight(weight));
    found.push(weight);
  }
  if (json) io.stdout(jsonText(found));
  if (npy !== undefined && only !== undefined) {
    const written = await callEngine(io, 'exportWeight', {
      file,
      dimensions: dim,
      layer: only,
      output: npy,
    });
    if (!json) io.stdout(`Wrote ${written.output}: ${shapeText(written.shape)}, ${written.dtype}\n`);
  }
  return ExitCode.done;
}

interface FormattedStatistics extends WeightStatistics {
  /** Why there is no `format` although a scheme was named. */
  readonly whyNoFormat?: string;
}

/** NaN or infinity cannot be quantized: such a weight is told without a format, with the reason. */
async function statisticsOf(request: WeightStatisticsRequest, io: CliIo): Promise<FormattedStatistics> {
  try {
    return await callEngine(io, 'weightStatistics', request);
  } catch (error) {
    if (request.scheme === undefined || !(error instanceof InputError)) throw error;
    const { scheme: _, ...plain } = request;
    const statistics = await callEngine(io, 'weightStatistics', plain);
    if (statistics.nonFinite === 0) throw error;
    return { ...statistics, whyNoFormat: error.message };
  }
}

/** What `--json` prints of each. */
interface InspectedWeight extends FormattedStatistics {
  /** The Python lines that the layer comes from, innermost first. */
  readonly source: readonly SourceFrame[];
}

function describeWeight(statistics: InspectedWeight): string {
  const { layer, weight, dtype, shape, elements, values, method, stride, nonFinite, format } = statistics;
  const what = values === 'dequantized' ? `${dtype}, as the numbers that its codes stand for` : dtype;
  const lines = [
    layer,
    `  ${weight}: ${what} ${shapeText(shape)}, ${countText(elements)} elements`,
    ...(nonFinite > 0 ? [`  ${countText(nonFinite)} are NaN or infinite and left out`] : []),
    ...momentLines(statistics),
    `  ${sparkline(statistics.histogram.counts)}${method === 'exact' ? '' : ` of every ${stride}th element`}`,
    ...channelLines(statistics),
    ...(format ? formatLines(format) : []),
    ...(statistics.whyNoFormat === undefined ? [] : [`  in no format: ${statistics.whyNoFormat}`]),
    ...statistics.source.map(sourceLine),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function sourceLine({ file, line, function: name }: SourceFrame, position: number): string {
  return `  ${position === 0 ? 'from' : 'called by'} ${file}:${line} in ${name}`;
}

function momentLines({ min, max, mean, standardDeviation, sparsity, kurtosis }: WeightStatistics): string[] {
  if (min === null || max === null) return [];
  const known = (value: number | null): string => (value === null ? 'none' : formatNumber(value));
  return [
    `  from ${formatNumber(min)} to ${formatNumber(max)}, mean ${known(mean)}, standard deviation ${known(standardDeviation)}`,
    `  zeros ${percentText(sparsity)}, kurtosis ${known(kurtosis)} (normal: 3)`,
  ];
}

const BARS = '▁▂▃▄▅▆▇█';
const BAR_COUNT = 64;

/** Counts as one line of bars: an empty bin is a space, the fullest one a whole block. */
function sparkline(counts: readonly number[]): string {
  const perBar = Math.ceil(counts.length / BAR_COUNT);
  const bars = Array.from({ length: Math.ceil(counts.length / perBar) }, (_, bar) =>
    counts.slice(bar * perBar, (bar + 1) * perBar).reduce((sum, count) => sum + count, 0),
  );
  const most = Math.max(...bars);
  return bars
    .map((count) => (count === 0 ? ' ' : (BARS[Math.ceil((count / most) * BARS.length) - 1] ?? '')))
    .join('');
}

function channelLines({ channels, steps }: WeightStatistics): string[] {
  if (!channels || !steps) return ['  no channels of output'];
  const [first] = channels.deciding;
  const smallest = steps.perChannel.reduce((least, step) => Math.min(least, step), Infinity);
  const perChannel = smallest < Infinity ? `, ${formatNumber(smallest)} and more per channel` : '';
  const gain = steps.gainDb === null ? '' : `: ${steps.gainDb.toFixed(1)} dB less rounding noise`;
  return [
    `  ${countText(channels.channels)} channels on axis ${channels.axis}; the widest are ${channels.deciding
      .map(({ channel, magnitude }) => `${channel} (${formatNumber(magnitude)})`)
      .join(', ')}`,
    ...(first && first.without > 0
      ? [`  without channel ${first.channel} the range would be ${formatNumber(first.without)}`]
      : []),
    `  step at ${steps.bits} bits: ${formatNumber(steps.perTensor)} for the tensor${perChannel}${gain}`,
  ];
}

function formatLines({ scheme, method, elements, sqnrDb, codes, codebook, ...use }: FormatUse): string[] {
  const of = method === 'exact' ? '' : ` (of ${countText(elements)} elements in whole channels)`;
  const tables = codebook?.tables ?? [];
  return [
    `  as ${scheme}${of}: SQNR ${decibelText(sqnrDb)}, ${countText(use.uniqueBefore)} distinct values become ${countText(use.uniqueAfter)}`,
    ...(codes ? [`    ${codes.used} of ${codes.possible} codes are used`] : []),
    ...(codebook?.exponents ? [`    powers of two: ${codebook.exponents.join(', ')}`] : []),
    ...(codebook && !codebook.exponents && tables[0]
      ? [
          `    table${codebook.groups > 1 ? ` of the first of ${codebook.groups} groups` : ''}: ${tables[0].map(formatNumber).join(' ')}`,
        ]
      : []),
    ...use.notes.map((note) => `    note: ${note}`),
  ];
}
