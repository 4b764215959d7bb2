/** What was measured of one model by one scheme, kept as a line of JSON so that an interrupted run continues. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompareResult } from '../../src/core/results';
import { outputFolder } from './paths';

/** `tool`: ONNX Runtime's own. */
export type Maker = 'ours' | 'tool';

export type Comparison = Pick<
  CompareResult,
  'outputs' | 'latencyMs' | 'peakMemoryBytes' | 'samples' | 'slice' | 'bytes'
>;

export interface CellKey {
  readonly model: string;
  readonly by: Maker;
  /** As `--scheme` takes it. */
  readonly scheme: string;
}

export interface CellFacts {
  /** ISO. */
  readonly date: string;
  readonly machine: string;
  /** Commit of the repository, `+` when files differ from it. */
  readonly commit: string;
  /** Processes that wanted to run, over the last minute before it. */
  readonly load: number;
}

export interface DoneCell extends CellKey, CellFacts {
  readonly status: 'done';
  readonly comparison: Comparison;
  /** Of ours: layers with the scheme, and all. */
  readonly layers?: { readonly quantized: number; readonly total: number };
  /** Of ours: what --dry-run foretold; null when it failed. */
  readonly predictedBytes?: number | null;
  /** Of ours: bytes of layers in the written file; the rest is the graph and what belongs to no layer. */
  readonly layerBytes?: number;
  readonly notes: readonly string[];
  /** To quantize; processes are started and files verified within. */
  readonly seconds: number;
}

export interface RefusedCell extends CellKey, CellFacts {
  /** `refused`: with a reason, before anything was written. `failed`: crashed, was too slow, or wrote what does not run. */
  readonly status: 'refused' | 'failed';
  readonly reason: string;
  /** To try again. */
  readonly command: string;
}

export type Cell = DoneCell | RefusedCell;

/** A cell without what says which it is. */
export type Outcome =
  Omit<DoneCell, keyof CellKey | keyof CellFacts> | Omit<RefusedCell, keyof CellKey | keyof CellFacts>;

/** What is known of a cell once its file was written. */
export type Written =
  Omit<Extract<Outcome, { status: 'done' }>, 'comparison' | 'seconds'> | Exclude<Outcome, { status: 'done' }>;

const file = join(outputFolder, 'schemes.jsonl');

export const keyText = ({ model, by, scheme }: CellKey): string => `${model} ${by} ${scheme}`;

/** All that was measured, the last of each key. A line that an interruption cut off is left out. */
export function readCells(): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  if (!existsSync(file)) return cells;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue;
    try {
      const cell = JSON.parse(line) as Cell;
      cells.set(keyText(cell), cell);
    } catch {
      // Cut off within.
    }
  }
  return cells;
}

export function appendCell(cell: Cell): void {
  mkdirSync(dirname(file), { recursive: true });
  // A line that was cut off must not swallow this one.
  appendFileSync(file, `\n${JSON.stringify(cell)}`);
}

/** The least SQNR of all outputs, dB: Infinity when all are identical, NaN when an output is not finite. */
export function lowestSqnr({ outputs }: Comparison): number {
  // null stands for infinity and, as JSON has no NaN, for that too.
  const figures = outputs.map(({ sqnrDb, maxAbs }) => sqnrDb ?? (maxAbs === 0 ? Infinity : NaN));
  return figures.some(Number.isNaN) ? NaN : Math.min(...figures);
}

/** What the model is for, in percent: of labels where there are any, else how often both name the same class. */
export type Score =
  | { readonly kind: 'top-1' | 'pixels' | 'Dice'; readonly float: number; readonly quantized: number }
  | { readonly kind: 'agreement'; readonly quantized: number };

/** Of the first output that has one. Dice is the mean over the classes. */
export function scoreOf({ outputs }: Comparison): Score | undefined {
  for (const { dice, top1, pixelAccuracy } of outputs) {
    if (dice) return { kind: 'Dice', float: 100 * mean(dice.a), quantized: 100 * mean(dice.b) };
    for (const [kind, figure] of [
      ['top-1', top1],
      ['pixels', pixelAccuracy],
    ] as const) {
      if (figure?.a !== null && figure?.b !== null && figure) {
        return { kind, float: 100 * figure.a, quantized: 100 * figure.b };
      }
    }
    const agreement = top1?.agreement ?? pixelAccuracy?.agreement;
    if (agreement !== undefined) return { kind: 'agreement', quantized: 100 * agreement };
  }
  return undefined;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
