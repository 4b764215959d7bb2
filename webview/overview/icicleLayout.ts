/**
 * The layout of the overview: modules as bands, their parts below them, as wide as they are large. What is too narrow to see is
 * put together with its neighbours and not laid out further, so that the picture has few shapes, however large the model. Pure.
 */
import type { ViewRow } from '../../src/shared/viewRpc';
import type { TreeItem } from '../tree/rowTree';
import type { Totals } from '../tree/totals';
import { moduleOf, sizeOfRow, sizeOfRows, worstOfRows, type Measure, type Module } from './modules';
import { someOf, zoomedTo, type Content, type Zoom } from './zoom';

export interface Frame {
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Shape {
  /** Unique in the picture; the same after a change of the plan. */
  readonly id: string;
  /** `some`: parts that are too narrow one by one. */
  readonly kind: Module['kind'] | 'some';
  readonly name: string;
  /** Of the module that it is, or that is around it. */
  readonly path: readonly string[];
  readonly rows: readonly ViewRow[];
  /** Bytes or MACs. */
  readonly size: number;
  readonly worst: Totals['worst'];
  /** What zooming in shows; null for a row. */
  readonly zoom: Zoom | null;
  /** From 1. */
  readonly level: number;
  /** Position of the shape above; -1 for the first one. */
  readonly parent: number;
  /** Of a module whose parts are below it: a band. Others reach down to the ground. */
  readonly isBand: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const BAND_HEIGHT = 22;
/** What has no band reaches down at least that far. */
const LEAST_HEIGHT = 44;
/** Narrower than this nothing can be told apart or hit. */
const LEAST_WIDTH = 4;
/** What has no neighbours to be put together with is left out below this. */
const LEAST_ALONE = 0.5;

/** The shapes of what is zoomed to, each before those below it. Empty when it is of no size. */
export function icicle(model: Module, zoom: Zoom, measure: Measure, frame: Frame): Shape[] {
  const sizeOf = (item: TreeItem): number =>
    item.kind === 'row' ? sizeOfRow(item.row, measure) : sizeOfRows(item.rows, measure);
  const levels = 1 + Math.max(1, Math.floor((frame.height - LEAST_HEIGHT) / BAND_HEIGHT));
  const shapes: Shape[] = [];
  const place = (content: Content, { size, x, width, level, parent }: Place): void => {
    const { id, kind, name, path, rows, children } = content;
    const y = (level - 1) * BAND_HEIGHT;
    const isBand = children.length > 0 && level < levels && (kind !== 'some' || level === 1);
    const position =
      shapes.push({
        ...{ id, kind, name, path, rows, zoom: content.zoom, worst: worstOfRows(rows), size },
        ...{ level, parent, isBand, x, y, width, height: isBand ? BAND_HEIGHT : frame.height - y },
      }) - 1;
    if (!isBand) return;
    let left = x;
    for (const run of visibleRuns(children, sizeOf, width / size)) {
      const own = run.size * (width / size);
      left += own;
      if (own < LEAST_ALONE) continue;
      place(partOf(content, run), {
        ...{ size: run.size, x: left - own, width: own, level: level + 1, parent: position },
      });
    }
  };
  const root = zoomedTo(model, zoom);
  const size = sizeOfRows(root.rows, measure);
  if (size > 0) place(root, { size, x: 0, width: frame.width, level: 1, parent: -1 });
  return shapes;
}

type Place = Pick<Shape, 'size' | 'x' | 'width' | 'level' | 'parent'>;

/** Parts next to one another, as positions `[from, to)`. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/** One part, or several that are too narrow. */
function partOf(content: Content, { from, to }: Run): Content {
  const only = to - from === 1 ? content.children[from] : undefined;
  if (!only) return someOf(content, from, to);
  const module = moduleOf(only);
  return { ...module, zoom: only.kind === 'row' ? null : { path: module.path, span: null }, first: 0 };
}

/** Each part that can be seen alone, and those between them together as far as needed. What is of no size is in none. */
function visibleRuns(
  parts: readonly TreeItem[],
  sizeOf: (part: TreeItem) => number,
  pixelsPerUnit: number,
): Run[] {
  const runs: Run[] = [];
  let open: Run | undefined;
  const close = (): void => {
    if (open) runs.push(open);
    open = undefined;
  };
  let position = -1;
  for (const part of parts) {
    position++;
    const size = sizeOf(part);
    if (size === 0) continue;
    if (size * pixelsPerUnit >= LEAST_WIDTH) close();
    open = { from: open?.from ?? position, to: position + 1, size: (open?.size ?? 0) + size };
    if (open.size * pixelsPerUnit >= LEAST_WIDTH) close();
  }
  close();
  return runs;
}
