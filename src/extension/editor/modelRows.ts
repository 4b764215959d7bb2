/** The rows of the layer tree as the view gets them: engine rows joined with plan and scan, in chunks. */
import { rowFormatOf } from '../../core/plan/editPlan';
import type { Plan } from '../../core/plan/types';
import { formatText, type RowFormat } from '../../core/quant/layerFormat';
import type { Candidate, LayerRow, ModelSummary } from '../../core/results';
import { CHUNK_BYTES, type PredictedRow, type RowChunk, type ViewRow } from '../../shared/viewRpc';

export interface ModelRow {
  readonly row: LayerRow;
  readonly isLayer: boolean;
}

/** Layers and nodes without a weight in one list, in the order in which the model has them where that is known. */
export function joinRows(summary: Pick<ModelSummary, 'layers' | 'nodes'>): ModelRow[] {
  const rows = [
    ...summary.layers.map((row) => ({ row, isLayer: true })),
    ...summary.nodes.map((row) => ({ row, isLayer: false })),
  ];
  return rows.sort((a, b) => (a.row.index ?? 0) - (b.row.index ?? 0));
}

/** The scheme, with its options, that a row has under a plan. A layer that cannot be quantized is float whatever the plan's default. */
export function rowScheme({ row, isLayer }: ModelRow, plan: Plan): string {
  return isLayer && !row.quantizable ? 'float' : formatText(rowFormatOf(plan, row.name, isLayer));
}

/** What is known about rows, by name. */
export interface RowFigures {
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly predicted: ReadonlyMap<string, PredictedRow>;
}

/** Rows from `start` on, as many as fit a message. */
export function rowChunk(
  rows: readonly ModelRow[],
  start: number,
  revision: number,
  plan: Plan,
  { candidates, predicted }: RowFigures,
): RowChunk {
  const chunk: ViewRow[] = [];
  let bytes = 0;
  let next = start;
  for (; next < rows.length; next++) {
    const source = rows[next];
    if (!source) break;
    const row: ViewRow = {
      isLayer: source.isLayer,
      scheme: rowScheme(source, plan),
      candidate: candidates.get(source.row.name) ?? null,
      predicted: predicted.get(source.row.name) ?? null,
      // Last: what is added behind a spread gives each row a hidden class of its own (V8).
      ...source.row,
    };
    // UTF-16 length: the bytes of what nearly always is ASCII.
    bytes += JSON.stringify(row).length;
    if (chunk.length > 0 && bytes > CHUNK_BYTES) break;
    chunk.push(row);
  }
  return { revision, rows: chunk, next: next < rows.length ? next : null };
}

/** Rows whose scheme differs between two plans. */
export function changedSchemes(rows: readonly ModelRow[], before: Plan, after: Plan): [string, string][] {
  const changed: [string, string][] = [];
  for (const row of rows) {
    const scheme = rowScheme(row, after);
    if (scheme !== rowScheme(row, before)) changed.push([row.row.name, scheme]);
  }
  return changed;
}

/**
 * Names of rows to which giving `format` does anything: not what cannot be quantized, nor what has the format already, unless
 * its weight changed since: then the entry is made anew for the new weight.
 * @param changed names of entries whose weight is another now.
 */
export function rowsForFormat(
  rows: readonly ModelRow[],
  plan: Plan,
  format: RowFormat,
  changed: readonly string[],
): string[] {
  const { scheme } = format;
  const stale = new Set(changed);
  const applies = ({ row, isLayer }: ModelRow): boolean => {
    if (isLayer) return row.quantizable && scheme !== 'auto';
    // A node that only expresses a format is part of another row.
    return row.foldedInto === undefined && (scheme === 'auto' || scheme === 'float');
  };
  const differs = (row: ModelRow): boolean =>
    rowScheme(row, plan) !== formatText(format) || stale.has(row.row.name);
  return rows.filter((row) => applies(row) && differs(row)).map(({ row }) => row.name);
}
