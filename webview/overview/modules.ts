/** How large the parts of the layer tree are, and how much the worst layer in them hurts. Pure. */
import type { ViewRow } from '../../src/shared/viewRpc';
import { rowsOf, type TreeItem } from '../tree/rowTree';
import { worseOf, type Totals } from '../tree/totals';

/** What the area of a module stands for. */
export type Measure = 'bytes' | 'macs';

/** A row, a module, or the whole model. */
export interface Module {
  readonly kind: 'model' | 'group' | 'row';
  /** As in the layer tree. */
  readonly id: string;
  readonly name: string;
  /** Of a group; of a row the modules around it. */
  readonly path: readonly string[];
  readonly children: readonly TreeItem[];
  readonly rows: readonly ViewRow[];
}

/** @param name of the model's file. */
export function wholeModel(tree: readonly TreeItem[], name: string): Module {
  return { kind: 'model', id: 'model', name, path: [], children: tree, rows: rowsBelow(tree) };
}

export function moduleOf(item: TreeItem): Module {
  if (item.kind === 'group') return item;
  const { name, path } = item.row;
  return { kind: 'row', id: item.id, name, path, children: [], rows: rowsOf(item) };
}

export function rowsBelow(items: readonly TreeItem[]): ViewRow[] {
  const rows: ViewRow[] = [];
  for (const item of items) {
    if (item.kind === 'row') rows.push(item.row);
    else for (const row of item.rows) rows.push(row);
  }
  return rows;
}

/** What a row adds to those around it: what several rows share counts once. */
export function sizeOfRow({ bytes, shared, macs }: ViewRow, measure: Measure): number {
  return measure === 'bytes' ? Math.max(0, bytes - (shared?.bytes ?? 0)) : (macs ?? 0);
}

export function sizeOfRows(rows: readonly ViewRow[], measure: Measure): number {
  let sum = 0;
  for (const row of rows) sum += sizeOfRow(row, measure);
  return sum;
}

/** The figure that stands for all these rows, as effects of single layers do not add up. */
export function worstOfRows(rows: readonly ViewRow[]): Totals['worst'] {
  let worst: Totals['worst'] = null;
  for (const { candidate } of rows) if (candidate) worst = worseOf(worst, candidate);
  return worst;
}
