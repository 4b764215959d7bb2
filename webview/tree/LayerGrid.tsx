import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { LayersContext, ViewRow } from '../../src/shared/viewRpc';
import { COLUMNS, type CellContext } from './columns';
import type { Line, Sort, SortColumn } from './flatten';
import { GridRow } from './GridRow';
import { rowsOf } from './rowTree';
import { measuredLabel, rowScales, type Measured } from './sensitivity';
import { click, contextClick, indexOf, keyEffect, type Selection } from './selection';
import { focusActiveRow, isRow, useAnchoredFocus } from './anchoredFocus';
import { ROW_HEIGHT, scrollToShow, virtualWindow, type Window } from './virtualWindow';

interface LayerGridProps {
  /** What a menu on these rows tells its commands. */
  contextOf: (names: readonly string[]) => LayersContext;
  lines: readonly Line[];
  /** Sorted by a column, so without groups. */
  ranked: boolean;
  selection: Selection;
  rows: readonly ViewRow[];
  /** The model is being read, for the first time or again. */
  isBusy: boolean;
  /** False: there are more rows, which still come. */
  isComplete: boolean;
  changed: readonly string[];
  measured: Measured;
  /** The plan makes up for the errors of weights. */
  isCompensated: boolean;
  sort: Sort | null;
  /** Where to start; later positions are reported, not followed. */
  scrollTop: number;
  /** Grows each time the active row is to be scrolled to without being focused. */
  revealed: number;
  onSelect: (selection: Selection) => void;
  onOpen: (ids: readonly string[], open: boolean) => void;
  onSort: (sort: Sort | null) => void;
  onScroll: (scrollTop: number) => void;
  onInspect: () => void;
}

/** Scroll positions are stored when the scrolling pauses. */
const SCROLL_PAUSE_MS = 150;

/** The layers as a virtualized `treegrid`: focus is on rows, one of which has the tab stop. */
export function LayerGrid(props: LayerGridProps) {
  const { lines, selection, rows, sort, isComplete } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [viewport, setViewport] = useState({ top: props.scrollTop, height: 600 });
  const focusPending = useRef(false);
  const rendered = useRef<Window | undefined>(undefined);
  const changed = useMemo(() => new Set(props.changed), [props.changed]);
  const context: CellContext = useMemo(
    () => ({
      scales: rowScales(rows, props.measured),
      measured: props.measured,
      isCompensated: props.isCompensated,
    }),
    [rows, props.measured, props.isCompensated],
  );

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    element.scrollTop = props.scrollTop;
    let pause: ReturnType<typeof setTimeout> | undefined;
    const measure = (): void =>
      setViewport({ top: element.scrollTop, height: element.clientHeight - ROW_HEIGHT });
    const onScroll = (): void => {
      measure();
      clearTimeout(pause);
      pause = setTimeout(() => props.onScroll(element.scrollTop), SCROLL_PAUSE_MS);
    };
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    measure();
    return () => {
      clearTimeout(pause);
      resized.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);

  // VS Code takes the focus from the row before it shows a menu, and gives it back to the frame, not to the row.
  useEffect(() => {
    let wasInGrid = false;
    const onFocusIn = (event: FocusEvent): void => {
      wasInGrid = event.target instanceof Node && (scroller.current?.contains(event.target) ?? false);
    };
    const onWindowFocus = (): void => {
      if (wasInGrid && document.activeElement === document.body) focusActiveRow(scroller.current);
    };
    document.addEventListener('focusin', onFocusIn);
    window.addEventListener('focus', onWindowFocus);
    return () => {
      document.removeEventListener('focusin', onFocusIn);
      window.removeEventListener('focus', onWindowFocus);
    };
  }, []);

  const activeIndex = Math.max(0, indexOf(lines, selection.active));
  useEffect(() => {
    if (!focusPending.current) return;
    focusPending.current = false;
    const element = scroller.current;
    if (!element) return;
    element.scrollTop = scrollToShow(activeIndex, element.scrollTop, element.clientHeight - ROW_HEIGHT);
    focusActiveRow(element);
  }, [selection, lines]);

  useAnchoredFocus(scroller, lines, activeIndex, focusPending);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || props.revealed === 0) return;
    element.scrollTop = scrollToShow(activeIndex, element.scrollTop, element.clientHeight - ROW_HEIGHT);
  }, [props.revealed]);

  const moveFocus = (next: Selection): void => {
    focusPending.current = true;
    props.onSelect(next);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || !isRow(event.target)) return;
    const key = { key: event.key, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey };
    const page = Math.max(1, Math.floor(viewport.height / ROW_HEIGHT) - 1);
    const effect = keyEffect(selection, lines, key, page);
    if (!effect) return;
    event.preventDefault();
    event.stopPropagation();
    if (effect.kind === 'select') moveFocus(effect.selection);
    else if (effect.kind === 'inspect') props.onInspect();
    else if (effect.kind === 'expandSiblings') props.onOpen(effect.ids, true);
    else props.onOpen([effect.id], effect.kind === 'expand');
  };

  const onClick = (event: MouseEvent): void => {
    const id = idAt(event);
    if (id === undefined) return;
    const line = lines[indexOf(lines, id)];
    const onTwistie = event.target instanceof Element && event.target.classList.contains('twistie');
    if (onTwistie && line?.expanded !== undefined) props.onOpen([id], !line.expanded);
    else
      moveFocus(
        click(selection, lines, id, { shift: event.shiftKey, toggle: event.ctrlKey || event.metaKey }),
      );
  };

  const onDoubleClick = (event: MouseEvent): void => {
    const line = lines[indexOf(lines, idAt(event) ?? null)];
    if (line?.expanded !== undefined) props.onOpen([line.item.id], !line.expanded);
    else props.onInspect();
  };

  // Runs before VS Code reads `data-vscode-context`, which it does on the window; also for Shift+F10 and Menu. The
  // press has focused the row already: focusing it again later would take the focus from the menu and close it.
  const onContextMenu = (event: MouseEvent): void => {
    const id = idAt(event);
    const next = id === undefined ? selection : contextClick(selection, id);
    const names = chosenNames(lines, next, isComplete);
    const context = names ? props.contextOf(names) : { preventDefaultContextMenuItems: true };
    if (scroller.current) scroller.current.dataset['vscodeContext'] = JSON.stringify(context);
    if (next !== selection) props.onSelect(next);
  };

  // After a jump the pause of the scrolling renders again.
  const { start, end } = virtualWindow(viewport.top, viewport.height, lines.length, rendered.current);
  rendered.current = { start, end };
  const indexes = Array.from({ length: end - start }, (_, offset) => start + offset);
  // The row with the focus stays in the document when it is scrolled away, or the focus would be lost.
  if (lines.length > 0 && (activeIndex < start || activeIndex >= end)) indexes.push(activeIndex);
  return (
    <div
      ref={scroller}
      class="grid"
      role="treegrid"
      aria-label="Layers"
      // Not of the whole view: what is said in it meanwhile might be held back.
      aria-busy={props.isBusy}
      aria-multiselectable="true"
      // -1: not known.
      aria-rowcount={isComplete ? lines.length + 1 : -1}
      aria-colcount={COLUMNS.length + 1}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDblClick={onDoubleClick}
      onContextMenu={onContextMenu}
    >
      <HeaderRow sort={sort} onSort={props.onSort} measured={props.measured} />
      <div class="lines" role="rowgroup" style={{ height: `${lines.length * ROW_HEIGHT}px` }}>
        {indexes.map((index) => {
          const line = lines[index];
          if (!line) return null;
          const { id } = line.item;
          return (
            <GridRow
              key={id}
              line={line}
              index={index}
              selected={selection.selected.has(id)}
              active={index === activeIndex}
              changed={line.item.kind === 'row' && changed.has(line.item.row.name)}
              showPath={props.ranked}
              context={context}
              isComplete={isComplete}
            />
          );
        })}
      </div>
      {lines.length === 0 && (
        <p class="nothing">{isComplete ? 'No layer matches.' : 'No layer matches so far.'}</p>
      )}
    </div>
  );
}

interface HeaderRowProps {
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
  measured: Measured;
}

function HeaderRow({ sort, onSort, measured }: HeaderRowProps) {
  const header = (
    label: string,
    column: SortColumn | undefined,
    numeric: boolean,
    id: string,
    detail = '',
  ) => {
    const sorted = column !== undefined && sort?.column === column ? sort : null;
    const direction = sorted ? (sorted.descending ? 'descending' : 'ascending') : 'none';
    const text = (
      <>
        {label}
        {sorted && (
          <span class={`codicon codicon-arrow-${sorted.descending ? 'down' : 'up'}`} aria-hidden="true" />
        )}
      </>
    );
    return (
      <div
        key={id}
        role="columnheader"
        class={`cell ${id}${numeric ? ' numeric' : ''}`}
        aria-sort={column ? direction : undefined}
        title={detail || undefined}
      >
        {column ? (
          <button type="button" class="sort" onClick={() => onSort(nextSort(sort, column, numeric))}>
            {text}
          </button>
        ) : (
          <span>{text}</span>
        )}
      </div>
    );
  };
  return (
    <div role="rowgroup" class="head">
      <div role="row" class="row" aria-rowindex={1}>
        {header('Name', 'name', false, 'name')}
        {COLUMNS.map(({ id, label, sort: column, numeric }) =>
          header(label, column, numeric, id, id === 'sensitivity' && measured ? measuredLabel(measured) : ''),
        )}
      </div>
    </div>
  );
}

/** Numbers start with the largest; a third click goes back to the tree. */
function nextSort(sort: Sort | null, column: SortColumn, numeric: boolean): Sort | null {
  if (sort?.column !== column) return { column, descending: numeric };
  return sort.descending === numeric ? { column, descending: !numeric } : null;
}

function idAt(event: Event): string | undefined {
  if (!(event.target instanceof Element)) return undefined;
  return event.target.closest<HTMLElement>('[data-id]')?.dataset['id'];
}

/**
 * Every selected row, groups replaced by the rows below them; without any, the one that has the focus. Undefined for a group of which
 * rows are still to come: commands would reach some of its rows only.
 */
function chosenNames(
  lines: readonly Line[],
  { selected, active }: Selection,
  isComplete: boolean,
): string[] | undefined {
  const chosen = lines.filter(
    ({ item }) => selected.has(item.id) || (selected.size === 0 && item.id === active),
  );
  if (!isComplete && chosen.some(({ item }) => item.kind === 'group')) return undefined;
  return [...new Set(chosen.flatMap(({ item }) => rowsOf(item).map(({ name }) => name)))];
}
