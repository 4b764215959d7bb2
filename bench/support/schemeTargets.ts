/** What the schemes must reach, judged by measured cells. */
import {
  keyText,
  lowestSqnr,
  scoreOf,
  type Cell,
  type CellKey,
  type DoneCell,
  type Maker,
} from './schemeCells';

export interface Verdict {
  readonly target: string;
  readonly figures: string;
  /** Undefined: what it needs was not measured. */
  readonly met: boolean | undefined;
}

type Cells = ReadonlyMap<string, Cell>;

interface Target {
  readonly needs: readonly CellKey[];
  readonly judge: (cells: Cells) => Verdict[];
}

/** Formats of one kind, of which the best counts. */
const lut16Formats = ['lut16', 'lut16,tensor', 'lut16,channel', 'lut16,group:16'];
const w4Formats = ['w4', 'w4,mse', 'w4,narrow', 'w4,asymmetric'];

/** Where there is no Python: what the tool reached on another machine, percent. */
const TOOL_AGREEMENT = 94.0;

const targets: readonly Target[] = [
  mostLost('mnist', 'w8a8', 0.5),
  mostLost('cifar10_resnet18', 'w8a8', 0.5),
  mostLost('unet', 'w8a8', 0.5),
  mostLost('cifar10_mobilenetv2', 'w8a8', 1),
  mostLost('cifar10_mobilenetv2_raw', 'w8a8', 1),
  agreementOfTool('squeezenet', 'w8a8'),
  ...['cifar10_resnet18', 'unet'].flatMap((model) => [
    mostBytes(model, 'w8', 26),
    mostBytes(model, 'w4', 14),
  ]),
  ...['unet', 'cifar10_resnet18', 'squeezenet'].map(bestOf),
  mostLost('mnist', 'u8,bias:u1', 0.5),
  mostLost('mnist', 'lut8', 1),
  mostLost('mnist', 'lut8,bias:u1', 1),
];

/** The cells without which a target cannot be judged. */
export const targetCells: readonly CellKey[] = [
  ...new Map(targets.flatMap(({ needs }) => needs).map((key) => [keyText(key), key])).values(),
];

/** All verdicts: the targets of single models, then those over everything that was measured. */
export function judgeTargets(cells: Cells): Verdict[] {
  return [
    ...targets.flatMap(({ judge }) => judge(cells)),
    ...powersOfTwo(cells),
    predictions(cells),
    nothingFails(cells),
  ];
}

function ours(model: string, scheme: string): CellKey {
  return { model, scheme, by: 'ours' };
}

function doneCell(cells: Cells, model: string, scheme: string, by: Maker = 'ours'): DoneCell | undefined {
  const cell = cells.get(keyText({ model, scheme, by }));
  return cell?.status === 'done' ? cell : undefined;
}

const notMeasured = (target: string): Verdict => ({ target, figures: 'not measured', met: undefined });

function mostLost(model: string, scheme: string, points: number): Target {
  const judge = (cells: Cells): Verdict[] => {
    const cell = doneCell(cells, model, scheme);
    const score = cell && scoreOf(cell.comparison);
    const target = `${model} ${scheme}: at most ${points} points lost`;
    if (!score || score.kind === 'agreement') return [notMeasured(target)];
    const lost = score.float - score.quantized;
    const figures = `${score.kind} ${score.float.toFixed(2)} → ${score.quantized.toFixed(2)}, ${lost.toFixed(2)} lost`;
    // Percentages of counts: 0.5 must not fail for the last bit.
    return [{ target, figures, met: lost <= points + 1e-9 }];
  };
  return { needs: [ours(model, scheme)], judge };
}

function agreementOfTool(model: string, scheme: string): Target {
  const agreement = (cell: DoneCell | undefined): number | undefined => {
    const figure = cell?.comparison.outputs.find(({ top1 }) => top1)?.top1?.agreement;
    return figure === undefined ? undefined : 100 * figure;
  };
  const judge = (cells: Cells): Verdict[] => {
    const got = agreement(doneCell(cells, model, scheme));
    const tool = agreement(doneCell(cells, model, scheme, 'tool'));
    const wanted = tool ?? TOOL_AGREEMENT;
    const target = `${model} ${scheme}: top-1 agreement at least the tool's`;
    if (got === undefined) return [notMeasured(target)];
    const whose = tool === undefined ? 'as told, not measured here' : 'measured beside';
    const figures = `${got.toFixed(2)} %, the tool ${wanted.toFixed(2)} % (${whose})`;
    return [{ target, figures, met: got >= wanted - 1e-9 }];
  };
  return { needs: [ours(model, scheme), { model, scheme, by: 'tool' }], judge };
}

function mostBytes(model: string, scheme: string, percent: number): Target {
  const judge = (cells: Cells): Verdict[] => {
    const target = `${model} ${scheme}: at most ${percent} % of the float bytes`;
    const cell = doneCell(cells, model, scheme);
    if (!cell) return [notMeasured(target)];
    const { a, b } = cell.comparison.bytes;
    const figures = `${((100 * b) / a).toFixed(2)} %, of which outside the layers ${((100 * (b - (cell.layerBytes ?? b))) / a).toFixed(2)} %`;
    return [{ target, figures, met: 100 * b <= percent * a }];
  };
  return { needs: [ours(model, scheme)], judge };
}

function bestOf(model: string): Target {
  const best = (cells: Cells, formats: readonly string[]) =>
    formats
      .map((format) => doneCell(cells, model, format))
      .filter((cell) => cell !== undefined)
      .map((cell) => ({ format: cell.scheme, db: lowestSqnr(cell.comparison) }))
      .sort((a, b) => b.db - a.db)[0];
  const judge = (cells: Cells): Verdict[] => {
    const target = `${model}: the best lut16 at least the best w4 per channel`;
    const [lut, w4] = [best(cells, lut16Formats), best(cells, w4Formats)];
    if (!lut || !w4) return [notMeasured(target)];
    const figures = `${lut.format} ${lut.db.toFixed(2)} dB, ${w4.format} ${w4.db.toFixed(2)} dB`;
    return [{ target, figures, met: lut.db >= w4.db }];
  };
  return { needs: [...lut16Formats, ...w4Formats].map((format) => ours(model, format)), judge };
}

const ALLOWED_DB = 0.1;

function powersOfTwo(cells: Cells): Verdict[] {
  const verdicts = [...new Set([...cells.values()].map(({ model }) => model))].flatMap((model): Verdict[] => {
    const [few, many] = ['pow2-15', 'pow2-5'].map((scheme) => doneCell(cells, model, scheme));
    if (!few || !many) return [];
    const [a, b] = [lowestSqnr(few.comparison), lowestSqnr(many.comparison)];
    const target = `${model}: pow2-15 at most ${ALLOWED_DB} dB below pow2-5`;
    return [{ target, figures: `${a.toFixed(2)} dB, ${b.toFixed(2)} dB`, met: a >= b - ALLOWED_DB }];
  });
  return verdicts.length > 0 ? verdicts : [notMeasured('pow2-15 near pow2-5')];
}

function predictions(cells: Cells): Verdict {
  const target = 'bytes as foretold, everywhere';
  const foretold = [...cells.values()].filter(
    (cell): cell is DoneCell => cell.status === 'done' && cell.predictedBytes !== undefined,
  );
  if (foretold.length === 0) return notMeasured(target);
  const wrong = foretold.filter(({ predictedBytes, comparison }) => predictedBytes !== comparison.bytes.b);
  const figures =
    wrong.length === 0
      ? `${foretold.length} files`
      : wrong
          .map(
            ({ model, scheme, predictedBytes, comparison }) =>
              `${model} ${scheme}: ${predictedBytes ?? 'nothing'} foretold, ${comparison.bytes.b} written`,
          )
          .join('; ');
  return { target, figures, met: wrong.length === 0 };
}

function nothingFails(cells: Cells): Verdict {
  const target = 'every scheme runs or is refused before anything is written';
  const all = [...cells.values()].filter(({ by }) => by === 'ours');
  if (all.length === 0) return notMeasured(target);
  const of = (status: Cell['status']) => all.filter((cell) => cell.status === status);
  const failed = of('failed');
  const counts = `${of('done').length} run, ${of('refused').length} refused, ${failed.length} failed`;
  const names = failed.map(({ model, scheme }) => `${model} ${scheme}`);
  return { target, figures: [counts, ...names].join('; '), met: failed.length === 0 };
}
