/**
 * Searched plans beside simple ones of the same bytes, on data that nothing chose by.
 * `npm run bench -- search [MODEL…]` measures squeezenet, cifar10_resnet18 and cifar10_mobilenetv2 (or those named), which stand beside
 * the repository, and writes their part of bench/results/search.md; what is absent is told.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultPlan } from '../src/core/plan/planFile';
import type { Feeds, Session } from '../src/core/ports';
import { figuresError, type PlanError } from '../src/core/search/planError';
import { withFormats } from '../src/core/plan/layerFormats';
import { compareSample, type SampleFigures } from '../src/core/scan/sampleFigures';
import type { DataSet } from '../src/engine/data/dataSet';
import { readSamples } from '../src/engine/data/slices';
import { openModelFile } from '../src/engine/files/modelFile';
import { openModelData } from '../src/engine/methods/modelData';
import { outputsOf } from '../src/engine/methods/modelOutputs';
import { openRuntime } from '../src/engine/runtime/ortRuntime';
import { engineService } from '../src/engine/service';
import type { DataRequest } from '../src/shared/rpc';
import { outputFolder, root, sharedModel } from './support/paths';
import { splitImages } from './support/schemeData';
import {
  byWeightError,
  firstAndLastFloat,
  naive,
  type Formats,
  type RivalModel,
} from './support/searchRivals';

const resultsFile = join(root, 'bench', 'results', 'search.md');

/** Weight-only formats, the smallest first: 4 bits and what may be mixed with them. */
const schemes = ['w4', 'lut16', 'w4,block:32', 'w8'];
/** Of the bytes of all layers in `w4,block:32`. */
const budgets = [1, 1.15, 1.4];

/** Samples that figures come from. */
const MOST_EVALUATED = 500;

interface BenchData {
  readonly file: string;
  readonly calibration: DataRequest;
  /** Data of which no sample was used for anything before. */
  readonly evaluation: string;
  readonly words: string;
}

const models: Readonly<Record<string, () => BenchData | undefined>> = {
  squeezenet: () => {
    const [file, source] = [sharedModel('squeezenet/fp32.onnx'), sharedModel('imagenet250')];
    if (file === undefined || source === undefined) return undefined;
    const split = splitImages('imagenet-search', source, { calibrate: 114, labelled: true });
    const calibration = { data: split.calibration, samples: 48, scanSamples: 32 };
    const words = '250 ImageNet images: 48 calibrate, 32 scan, 34 verify, the other 136 measure';
    return { file, calibration, evaluation: split.evaluation, words };
  },
  cifar10_resnet18: () => cifar('cifar10_resnet18'),
  cifar10_mobilenetv2: () => cifar('cifar10_mobilenetv2'),
};

function cifar(name: string): BenchData | undefined {
  const file = sharedModel(`${name}/model.onnx`);
  const [data, evaluation] = [sharedModel('cifar10/calibration'), sharedModel('cifar10/test')];
  if (file === undefined || data === undefined || evaluation === undefined) return undefined;
  const calibration = { data, samples: 128, scanSamples: 32 };
  const words =
    'CIFAR-10 training images: 128 calibrate, 32 scan, the others verify (up to 512); 500 test images measure';
  return { file, calibration, evaluation, words };
}

interface Row {
  readonly way: string;
  readonly bytes: number;
  readonly figures: PlanError;
}

/** Writes files and runs them on the evaluation data. */
class Evaluation {
  private readonly references: Feeds[] = [];
  private readonly known = new Map<string, Omit<Row, 'way'>>();

  private constructor(
    private readonly bench: BenchData,
    private readonly outputs: ReturnType<typeof outputsOf>,
    private readonly data: DataSet,
    private readonly float: Session,
    private readonly folder: string,
  ) {}

  static async open(bench: BenchData, folder: string): Promise<Evaluation> {
    const opened = await openModelFile(bench.file);
    const { dataSet } = await openModelData({ data: bench.evaluation }, opened.model);
    const outputs = outputsOf(opened.model);
    await opened.close();
    const float = await (await openRuntime()).openFile(bench.file, { optimization: 'full' });
    return new Evaluation(bench, outputs, dataSet, float, folder);
  }

  async of(way: string, formats: Formats): Promise<Row> {
    const key = JSON.stringify(Object.entries(formats).sort());
    const row = this.known.get(key) ?? (await this.measure(formats));
    this.known.set(key, row);
    console.log(`  ${way}: ${row.bytes} bytes, KL ${row.figures.error.toPrecision(3)}`);
    return { way, ...row };
  }

  private async measure(formats: Formats): Promise<Omit<Row, 'way'>> {
    const output = join(this.folder, 'plan.onnx');
    const { file, calibration } = this.bench;
    const plan = withFormats(defaultPlan, formats);
    const { bytes } = await engineService.quantize({ file, plan, calibration, output }, idle);
    const session = await (await openRuntime()).openFile(output, { optimization: 'full' });
    const figures: SampleFigures[] = [];
    const all = evenly(this.data.length, MOST_EVALUATED);
    for await (const { feeds, label } of readSamples(this.data, all)) {
      const reference = (this.references[figures.length] ??= await this.float.run(feeds));
      const results = await session.run(feeds);
      figures.push({ ...compareSample(this.outputs, reference, results, label), local: null });
    }
    await session.release();
    return { bytes: bytes.after, figures: figuresError(figures, 'kl') };
  }

  /** The best of several plans, which is more than the simple way could know. */
  async bestOf(way: string, plans: readonly Formats[], budget: number): Promise<Row | undefined> {
    const rows: Row[] = [];
    for (const formats of plans) rows.push(await this.of(way, formats));
    return rows
      .filter(({ bytes }) => bytes <= budget)
      .toSorted((a, b) => a.figures.error - b.figures.error)[0];
  }
}

/** At most `most` positions of `length`, spread evenly: folders have one class after the other. */
function evenly(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, at) => Math.floor((at * length) / count));
}

const idle = { signal: new AbortController().signal, report: () => undefined };

async function rivalsOf({ file, calibration }: BenchData, folder: string): Promise<RivalModel> {
  const { layers: rows } = await engineService.inspect({ file }, idle);
  const layers = rows.filter(({ quantizable }) => quantizable).map(({ name }) => name);
  const [smallest = 'float'] = schemes;
  const formats = Object.fromEntries(layers.map((layer) => [layer, smallest]));
  const plan = withFormats(defaultPlan, formats);
  const output = join(folder, 'plan.onnx');
  const written = await engineService.quantize({ file, plan, calibration, output }, idle);
  const weightSqnrDb = new Map(written.layers.map(({ name, weightSqnrDb: db }) => [name, db ?? Infinity]));
  const bytesOf = async (wanted: Formats): Promise<number> =>
    (await engineService.predict({ file, plan: withFormats(defaultPlan, wanted) }, idle)).bytes;
  return { layers, uniform: schemes, bytesOf, weightSqnrDb };
}

async function measure(name: string, bench: BenchData): Promise<string> {
  const folder = join(outputFolder, 'search', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const rivals = await rivalsOf(bench, folder);
  const evaluation = await Evaluation.open(bench, folder);
  const { file, calibration } = bench;
  const { candidates } = await engineService.scan({ file, plan: defaultPlan, calibration, schemes }, idle);
  const block = Object.fromEntries(rivals.layers.map((layer) => [layer, 'w4,block:32']));
  const whole = await rivals.bytesOf(block);
  const lines = [`## ${name}`, '', `${bench.words}.`, ''];
  lines.push(
    '| budget, bytes | plan | bytes | KL, nats | SQNR, dB | top-1 agreement | accuracy |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const factor of budgets) {
    const most = Math.floor(whole * factor);
    const goal = { kind: 'budget', cost: 'bytes', most } as const;
    const request = { file, plan: defaultPlan, calibration, schemes, known: candidates, goal };
    const found = await engineService.search(request, idle);
    if (!found.met) throw new Error(`${name}: no plan within ${most} bytes`);
    const seconds = `${found.seconds.toFixed(0)} s, ${found.rounds} rounds`;
    const rows = [
      await evaluation.of(`searched (${seconds})`, found.chosen.layers),
      await evaluation.bestOf('best one format', await naive(rivals, most), most),
      await evaluation.bestOf('by weight error', await byWeightError(rivals, most), most),
      await evaluation.bestOf('first and last float', await firstAndLastFloat(rivals, most), most),
    ];
    for (const row of rows) {
      if (row) lines.push(rowText(most, row));
      if (row) console.log(`${name} ${rowText(most, row)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function rowText(budget: number, { way, bytes, figures }: Row): string {
  const { error, standardError, sqnrDb, agreement, accuracy } = figures;
  const percent = (share: number | null): string => (share === null ? '' : `${(100 * share).toFixed(1)} %`);
  const cells = [
    budget.toLocaleString('en-US'),
    way,
    bytes.toLocaleString('en-US'),
    `${error.toPrecision(3)} ± ${(standardError ?? 0).toPrecision(1)}`,
    sqnrDb?.toFixed(2) ?? 'identical',
    percent(agreement),
    percent(accuracy),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The file with the parts of models that were measured replaced. */
function replaceParts(before: string, parts: ReadonlyMap<string, string>): string {
  const known = before.split(/^(?=## )/m).slice(1);
  const all = new Map(known.map((part) => [/^## (\S+)/.exec(part)?.[1] ?? '', part.trimEnd() + '\n']));
  for (const [name, part] of parts) all.set(name, part);
  const head =
    '# Searched plans\n\nMade by `npm run bench -- search`. Formats to choose from: ' +
    `${schemes.join('; ')}; float. Budgets: the bytes of all layers in w4,block:32, 1.15 and 1.4 times as much. ` +
    'Every file is at most as large as its budget. KL, SQNR, agreement with the float model and accuracy are those of the written ' +
    'files on samples that neither calibration nor scan nor verification used; ± is the standard error. "Best one format" and ' +
    '"first and last float" show the format that turned out best on these samples among those that fit, which no one could know ' +
    'before; "by weight error" gives 8 bits to the layers whose weights lose most. One thread pool, on a machine that was busy: ' +
    'the seconds say little.\n';
  return [head, ...all.values()].join('\n');
}

const parts = new Map<string, string>();
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(models)) {
  const bench = models[name]?.();
  if (bench) parts.set(name, await measure(name, bench));
  else console.log(`${name}: not there, left out`);
  if (parts.size === 0) continue;
  mkdirSync(dirname(resultsFile), { recursive: true });
  const before = existsSync(resultsFile) ? readFileSync(resultsFile, 'utf8') : '';
  writeFileSync(resultsFile, replaceParts(before, parts));
}
