/** What part of the model the overview shows. Pure. */
import { moduleOf, rowsBelow, type Module } from './modules';

export interface Zoom {
  /** Of a module; empty: the whole model. */
  readonly path: readonly string[];
  /** Positions of consecutive parts of it, the end left out; null: all. */
  readonly span: readonly [from: number, to: number] | null;
}

export const WHOLE_MODEL: Zoom = { path: [], span: null };

/** A module, or consecutive parts of one. */
export interface Content extends Omit<Module, 'kind'> {
  readonly kind: Module['kind'] | 'some';
  /** What zooming in shows; null for a row. */
  readonly zoom: Zoom | null;
  /** Position of its first part in the module. */
  readonly first: number;
}

/** What a zoom is about; the whole model when it is not there (any more). */
export function zoomedTo(model: Module, zoom: Zoom): Content {
  const module = modulesTo(model, zoom.path).at(-1) ?? model;
  if (module.path.length !== zoom.path.length) return { ...model, zoom: WHOLE_MODEL, first: 0 };
  const whole = { ...module, zoom: { path: module.path, span: null }, first: 0 };
  if (!zoom.span) return whole;
  const some = someOf(whole, ...zoom.span);
  return some.children.length > 0 ? some : whole;
}

/** Parts of a module, or of parts of one. @param from as `to`, position in `around.children`. */
export function someOf(around: Content, from: number, to: number): Content {
  const { path, first } = around;
  const children = around.children.slice(from, to);
  const span = [first + from, first + to] as const;
  const names = [children[0], children.at(-1)].map((part) => (part ? moduleOf(part).name : ''));
  return {
    kind: 'some',
    // NUL cannot be confused with a separator inside a name.
    id: `some:${span.join('-')}\0${path.join('\0')}`,
    name: names.join(' … '),
    path,
    children,
    rows: rowsBelow(children),
    zoom: { path, span },
    first: span[0],
  };
}

/** One step out: from parts to their module, from a module to the one around it; null when the whole model is shown. */
export function zoomOut(model: Module, { path, span }: Zoom): Zoom | null {
  if (span) return { path, span: null };
  const around = modulesTo(model, path).at(-2);
  return around ? { path: around.path, span: null } : null;
}

/** The modules from the model to the one with a path, as far as they are there. */
export function modulesTo(model: Module, path: readonly string[]): Module[] {
  const modules = [model];
  let at = model;
  while (at.path.length < path.length) {
    const inner = at.children.find(
      (child) => child.kind === 'group' && child.path.every((part, level) => path[level] === part),
    );
    if (!inner) break;
    at = moduleOf(inner);
    modules.push(at);
  }
  return modules;
}
