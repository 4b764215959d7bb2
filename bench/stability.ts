/**
 * How far the order of layers by 32 samples is from that by all: Spearman's rank correlation of sensitivities, the median of ten
 * draws, for each format and over all candidates.
 * `npm run bench -- stability [MODEL…]` measures the models that are named, or all with 20 layers and 250 samples, and writes
 * bench/results/stability.md from all that were ever measured. Exit code 1 when a median over all candidates is below 0.95. The models
 * stand beside the repository.
 */
import { parseArgs } from 'node:util';
import { defaultPlan } from '../src/core/plan/planFile';
import type { Feeds, ResultCache, Sample, Slice, SliceName } from '../src/core/ports';
import type { SampleFigures } from '../src/core/scan/sampleFigures';
import { scan } from '../src/core/scan/scan';
import { summarize } from '../src/core/scan/summary';
import { openModelFile } from '../src/engine/files/modelFile';
import { openRuntime } from '../src/engine/runtime/ortRuntime';
import { uniform } from '../test/support/random';
import { keepRows, keptRows, markdownTable, writePage } from './support/keptRows';
import { firstSamples, scanModels, type ScanModel } from './support/scanData';
import { formatTable, median } from './support/table';

const names = ['cifar10_resnet18', 'cifar10_mobilenetv2', 'unet'];
const LEAST = 0.95;
const DRAWS = 10;
const DRAWN = 32;
const CALIBRATE = 32;
/** A minute or two a model on a quiet machine. */
const MOST_SAMPLES = 256;

interface Stability {
  readonly layers: number;
  readonly samples: number;
  /** Format → median of the draws; `all`: over all candidates. */
  readonly medians: Readonly<Record<string, number>>;
  readonly least: number;
}

/** Layer → sample → figures. */
type FiguresOfLayers = Map<string, Readonly<Record<string, SampleFigures>>>;

/** Keeps the figures of each sample that the scan would put into its cache. */
class FiguresOfSamples implements ResultCache {
  readonly model = 'bench';
  /** Of each format. */
  readonly trials = new Map<string, FiguresOfLayers>();

  identify({ index }: Sample): string {
    return String(index);
  }

  get(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  put(key: string, value: unknown): Promise<void> {
    const parts = JSON.parse(key) as unknown[];
    const at = parts.indexOf('trial');
    const [layer, format] = [String(parts[at + 1]), String(parts[at + 2])];
    if (at >= 0) {
      const { samples } = value as { samples: Record<string, SampleFigures> };
      const layers = this.trials.get(format) ?? new Map<string, Readonly<Record<string, SampleFigures>>>();
      this.trials.set(format, layers.set(layer, samples));
    }
    return Promise.resolve();
  }
}

function sliceOf(name: SliceName, samples: readonly Feeds[], first: number): Slice {
  return {
    name,
    length: samples.length,
    // A scan asks for them one by one.
    async *samples() {
      for (const [at, feeds] of samples.entries()) yield await Promise.resolve({ index: first + at, feeds });
    },
  };
}

async function measure(model: ScanModel): Promise<Stability> {
  const samples = firstSamples(model, CALIBRATE + MOST_SAMPLES);
  const cache = new FiguresOfSamples();
  const opened = await openModelFile(model.file);
  const slices = {
    calibrate: sliceOf('calibrate', samples.slice(0, CALIBRATE), 0),
    scan: sliceOf('scan', samples.slice(CALIBRATE), CALIBRATE),
  };
  const outputs = (opened.model.graph?.output ?? []).map(({ name }) => ({
    name,
    kind: model.output,
    classAxis: 1,
  }));
  await scan(await openRuntime(), opened.model, defaultPlan, slices, { outputs, cache });
  await opened.close();
  return stabilityOf(cache, samples.length - CALIBRATE);
}

function stabilityOf({ trials }: FiguresOfSamples, samples: number): Stability {
  const ids = Array.from({ length: samples }, (_, at) => String(CALIBRATE + at));
  const random = uniform(1);
  const correlations = new Map<string, number[]>();
  const whole = sensitivities(trials, ids);
  for (let draw = 0; draw < DRAWS; draw++) {
    const part = sensitivities(trials, drawn(ids, DRAWN, random));
    const all = [...whole.keys()];
    const pairs = all.map((key) => [key, spearman(whole.get(key) ?? [], part.get(key) ?? [])] as const);
    const flat = spearman([...whole.values()].flat(), [...part.values()].flat());
    for (const [key, value] of [...pairs, ['all', flat] as const]) {
      correlations.set(key, [...(correlations.get(key) ?? []), value]);
    }
  }
  return {
    layers: Math.max(...[...whole.values()].map(({ length }) => length)),
    samples,
    medians: Object.fromEntries([...correlations].map(([key, values]) => [key, middle(values)])),
    least: Math.min(...(correlations.get('all') ?? [])),
  };
}

/** Format → sensitivity of each layer, on these samples. */
function sensitivities(trials: FiguresOfSamples['trials'], ids: readonly string[]): Map<string, number[]> {
  const of = (samples: Readonly<Record<string, SampleFigures>>): number =>
    summarize(
      ids.flatMap((id) => samples[id] ?? []),
      'kl',
    ).sensitivity;
  return new Map([...trials].map(([format, layers]) => [format, [...layers.values()].map(of)]));
}

function drawn(from: readonly string[], count: number, random: () => number): string[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)[0] ?? '');
}

/** Of an even number of values the mean of the middle two. */
function middle(values: readonly number[]): number {
  const [a, b] = [values, values.map((value) => -value)].map(median);
  return ((a ?? NaN) - (b ?? NaN)) / 2;
}

function spearman(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [ranks(x), ranks(y)];
  const mean = (x.length - 1) / 2;
  let [product, squaresA, squaresB] = [0, 0, 0];
  a.forEach((rank, at) => {
    const [da, db] = [rank - mean, (b[at] ?? NaN) - mean];
    product += da * db;
    squaresA += da * da;
    squaresB += db * db;
  });
  return product / Math.sqrt(squaresA * squaresB);
}

/** From 0; equal values share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}

function cells(name: string, { layers, samples, medians, least }: Stability): string[] {
  return [
    name,
    ...[layers, samples].map(String),
    ...Object.values(medians).map((value) => value.toFixed(3)),
    least.toFixed(3),
  ];
}

function header(medians: Stability['medians']): string[] {
  return ['model', 'layers', 'samples', ...Object.keys(medians), 'least of all'];
}

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  for (const model of scanModels(positionals.length > 0 ? positionals : names)) {
    const found = await measure(model);
    keepRows('stability', model.name, found);
    console.log(formatTable([header(found.medians), cells(model.name, found)]));
    if (!((found.medians['all'] ?? 0) >= LEAST)) process.exitCode = 1;
  }
  const kept = keptRows('stability', names).map(([name, found]) => [name, found as Stability] as const);
  const [first] = kept;
  if (!first) return;
  writePage('stability', [
    '# Stability of the scan',
    '',
    `Written by \`npm run bench -- stability\`. Spearman's rank correlation between sensitivities (KL) measured on ${DRAWN} samples and on`,
    `all samples: the median of ${DRAWS} random draws, over the layers in each format and over all candidates (*all*, and the least of`,
    `its draws). At least ${LEAST} is wanted over all candidates.`,
    '',
    ...markdownTable(
      header(first[1].medians),
      kept.map(([name, found]) => cells(name, found)),
    ),
  ]);
}

await main();
