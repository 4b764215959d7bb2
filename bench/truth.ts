/**
 * Sensitivities of the scan against brute force: for every layer and format the whole model, changed by independent code or as
 * `quantize` writes it, in a plain session (test/oracles, which imports nothing from src/).
 * `npm run bench -- truth [MODEL…] [--samples N] [--stride N]` measures the models that are named, or all, prints a table for each and
 * writes bench/results/truth.md from all that were ever measured with all their layers. Exit code 1 when a difference is not within
 * its limit. MNIST is here; the other models stand beside the repository.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Tensor } from 'onnxruntime-node';
import { onlyLayer } from '../src/core/plan/editPlan';
import { defaultPlan } from '../src/core/plan/planFile';
import type { Feeds } from '../src/core/ports';
import { parseFormat } from '../src/core/quant/layerFormat';
import type { Candidate } from '../src/core/results';
import { dealSlices } from '../src/engine/data/slices';
import { quantize } from '../src/engine/methods/quantize';
import { scan } from '../src/engine/methods/scan';
import { isWithin, plainSensitivity, runPlain, type Feed } from '../test/oracles/plainScan';
import { RoundableModel, roundedFormats, type RoundedFormat } from '../test/oracles/roundedModel';
import { keepRows, keptRows, markdownTable, writePage } from './support/keptRows';
import { outputFolder } from './support/paths';
import { firstSamples, scanModelNames, scanModels, writeSamples, type ScanModel } from './support/scanData';
import { formatTable, median } from './support/table';

const SEED = 1;
/** All are of the same optimization level, so that nothing but the order of additions differs. */
const LIMIT = 1e-3;
/** Formats that the oracle cannot round by itself: what `quantize` writes is run. */
const writtenFormats = ['lut16', 'w8a8', 'w8a16'];
const formats = [...roundedFormats, ...writtenFormats];

const idle = { signal: new AbortController().signal, report: () => undefined };

interface Difference {
  readonly layer: string;
  readonly given: number;
  readonly expected: number;
}

interface Row {
  readonly samples: number;
  readonly format: string;
  readonly oracle: 'rounded here' | 'written file';
  readonly differences: readonly Difference[];
  readonly failed: number;
}

function isRounded(format: string): format is RoundedFormat {
  return roundedFormats.some((each) => each === format);
}

async function measureModel(model: ScanModel, count: number, stride: number): Promise<Row[]> {
  const folder = join(outputFolder, 'truth', model.name);
  rmSync(folder, { recursive: true, force: true });
  // As many to calibrate, and to verify what is written.
  const samples = firstSamples(model, 3 * count);
  const data = writeSamples(folder, samples);
  const calibration = { data, samples: count, scanSamples: count, seed: SEED };
  const plan = { ...defaultPlan, activationRange: 'max' as const };
  const { file } = model;
  const all = await scan({ file, plan, calibration, schemes: formats }, idle);
  const layers = [...new Set(all.candidates.map(({ layer }) => layer))].filter((_, at) => at % stride === 0);
  const deal = dealSlices(samples.length, SEED, count, count);
  const feeds = deal.scan.map((at): Feed => feedOf(samples[at] ?? {}));
  const bytes = new Uint8Array(readFileSync(file));
  const float = await runPlain(bytes, feeds);
  const roundable = new RoundableModel(bytes);
  const output = join(folder, 'plan.onnx');

  const modelFor = async (layer: string, format: string): Promise<Uint8Array | string> => {
    if (isRounded(format)) return roundable.with(layer, format);
    const parsed = parseFormat(format);
    if ('mistake' in parsed) throw new Error(parsed.mistake);
    const needsData = format.startsWith('w8a');
    const only = onlyLayer(plan, layer, parsed);
    // A trial has a pair on what the layers share.
    const shared = needsData ? roundable.sharedSum(layer) : undefined;
    const tensors = shared === undefined ? {} : { [shared]: {} };
    const request = { file, plan: { ...only, tensors }, output };
    await quantize({ ...request, ...(needsData && { calibration }) }, idle);
    return output;
  };

  const rows: Row[] = [];
  for (const format of formats) {
    const own = all.candidates.filter((each) => each.scheme === format && layers.includes(each.layer));
    const differences: Difference[] = [];
    for (const { layer, sensitivity } of own.filter(isMeasured)) {
      const trial = await runPlain(await modelFor(layer, format), feeds);
      differences.push({
        layer,
        given: sensitivity,
        expected: plainSensitivity(model.output, float, trial),
      });
    }
    const oracle = isRounded(format) ? 'rounded here' : 'written file';
    rows.push({
      samples: feeds.length,
      format,
      oracle,
      differences,
      failed: own.length - differences.length,
    });
  }
  rmSync(folder, { recursive: true });
  return rows;
}

function isMeasured(candidate: Candidate): candidate is Candidate & { sensitivity: number } {
  return candidate.sensitivity !== null;
}

function feedOf(feeds: Feeds): Feed {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new Tensor('float32', data as Float32Array, [...dims]),
    ]),
  );
}

function relative({ given, expected }: Difference): number {
  return Math.abs(given - expected) / Math.max(expected, 1e-9);
}

function outside({ differences }: Row): Difference[] {
  return differences.filter(({ given, expected }) => !isWithin(given, expected, LIMIT));
}

const header = ['format', 'oracle', 'layers', 'failed', 'median difference', 'greatest', 'outside'];

function cells(row: Row): string[] {
  const all = row.differences.map(relative);
  const figures = all.length > 0 ? [median(all), Math.max(...all)] : [NaN, NaN];
  const counts = [row.differences.length, row.failed].map(String);
  return [
    row.format,
    row.oracle,
    ...counts,
    ...figures.map((each) => each.toExponential(1)),
    `${outside(row).length}`,
  ];
}

function page(): string[] {
  const parts = keptRows('truth', scanModelNames).flatMap(([name, kept]) => {
    const rows = kept as Row[];
    const title = [`## ${name}`, '', `${rows[0]?.samples ?? 0} samples.`, ''];
    return ['', ...title, ...markdownTable(header, rows.map(cells))];
  });
  return [
    '# Truth of the scan',
    '',
    'Written by `npm run bench -- truth`. The sensitivity (KL at the outputs) of every layer in every format as the scan measures it,',
    'in parts of the model and in batches, against brute force: the whole model for each, one sample at a time, in a plain session of',
    'the same optimization level, by code that imports nothing from `src/`. *rounded here*: that code also rounds the weight;',
    '*written file*: the model is the file that `roundoff quantize` writes with only this layer in the format.',
    '',
    `Differences are relative; at most ${LIMIT} is wanted, or 1e-9 in all.`,
    ...parts,
  ];
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { samples: { type: 'string', default: '16' }, stride: { type: 'string', default: '1' } },
  });
  const [count, stride] = [Number(values.samples), Number(values.stride)];
  const rows: Row[] = [];
  for (const model of scanModels(positionals)) {
    const own = await measureModel(model, count, stride);
    rows.push(...own);
    if (stride === 1) keepRows('truth', model.name, own);
    console.log(`${model.name}\n${formatTable([header, ...own.map(cells)])}`);
    for (const row of own) {
      for (const { layer, given, expected } of outside(row)) {
        console.log(`  ${layer} ${row.format}: ${given.toExponential(6)}, ${expected.toExponential(6)}`);
      }
    }
  }
  if (rows.some((row) => outside(row).length > 0 || row.differences.length === 0)) process.exitCode = 1;
  writePage('truth', page());
}

await main();
