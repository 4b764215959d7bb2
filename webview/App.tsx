import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ViewCommand } from '../src/shared/viewRpc';
import { ComingHeader, ModelHeader } from './header/ModelHeader';
import { Notices } from './header/Notices';
import type { Host } from './host';
import { Inspector } from './inspector/Inspector';
import type { ModelStore, Reveal } from './modelStore';
import { OverviewPanel } from './overview/OverviewPanel';
import { ParetoPanel } from './pareto/ParetoPanel';
import { revealChange, revealModuleChange } from './reveal';
import { StatusRow } from './status/StatusRow';
import { Toolbar } from './Toolbar';
import { filterRows, isShown, rankedLines, treeLines } from './tree/flatten';
import { LayerGrid } from './tree/LayerGrid';
import { MenuContext } from './tree/menuContext';
import { ALL_CLOSED, ALL_OPEN, openGroups, withOpen } from './tree/openGroups';
import { rowName, rowTree, type TreeItem } from './tree/rowTree';
import type { Selection } from './tree/selection';
import { HatchPattern } from './tree/SensitivityCell';
import { needsAllRows, type ViewState } from './viewState';

interface AppProps {
  host: Host;
  store: ModelStore;
  initial: ViewState;
  save: (state: ViewState) => void;
}

export function App({ host, store, initial, save }: AppProps) {
  const { snapshot, rows, isComplete, failure, reveal, overview } = useContent(store);
  const [view, setView] = useState(initial);
  const change = useCallback((part: Partial<ViewState>) => setView((old) => ({ ...old, ...part })), []);
  useEffect(() => save(view), [view]);
  const inspector = useRef<HTMLElement>(null);
  /** It stays while other rows take the place of those that it has. */
  const hasTree = useRef(false);

  const hasRaw = useMemo(() => rows.some(({ foldedInto }) => foldedInto !== undefined), [rows]);
  const filtered = useMemo(
    () => filterRows(rows, view.filter, view),
    [rows, view.filter, view.showNodes, view.showRaw],
  );
  const tree = useMemo(() => rowTree(filtered, isComplete), [filtered, isComplete]);
  const open = useMemo(
    () => openGroups(tree, view, isComplete ? filtered.length : Infinity),
    [tree, view.open, view.closed],
  );
  const filtering = view.filter.trim() !== '';
  const lines = useMemo(() => {
    if (view.sort) return rankedLines(filtered, view.sort);
    return treeLines(tree, { isOpen: (id) => filtering || open.has(id) });
  }, [filtered, tree, open, view.sort, filtering]);
  const selection: Selection = useMemo(
    () => ({ selected: new Set(view.selected), active: view.active, anchor: view.active }),
    [view.selected, view.active],
  );
  const menus = useMemo(() => new MenuContext(host), [host]);
  const anchor = useRef<string | null>(null);
  const select = (next: Selection): void => {
    anchor.current = next.anchor;
    change({ selected: [...next.selected], active: next.active });
  };
  const [revealed, setRevealed] = useState(0);
  const showChanged = (next: Partial<ViewState> | undefined): boolean => {
    if (!next) return false;
    change(next);
    setRevealed((count) => count + 1);
    return true;
  };
  const shown = { rows, isComplete, open };
  const show = (layer: string): boolean => showChanged(revealChange(shown, view, layer));
  const openOverview = (overviewOpen: boolean): void =>
    // The window has no room for both.
    change({ overviewOpen, ...(overviewOpen && { plansOpen: false }) });
  useEffect(() => {
    if (overview > 0) openOverview(true);
  }, [overview]);
  const [explainWish, setExplainWish] = useState<string | null>(null);
  const fulfilled = useRef<Reveal | null>(null);
  useEffect(() => {
    // The wish may come before the rows.
    if (!reveal || reveal === fulfilled.current || !show(reveal.layer)) return;
    fulfilled.current = reveal;
    if (reveal.explain) setExplainWish(reveal.layer);
    inspector.current?.focus();
  }, [reveal, rows]);
  const selectedLayer = selectedLayerOf(view.selected);
  useEffect(() => {
    void host.call('selected', { layer: selectedLayer }).catch(() => undefined);
  }, [selectedLayer]);
  const selectedItems = useMemo(() => itemsWith(tree, selection.selected), [tree, selection]);
  const run = useCallback(
    (command: ViewCommand) => void host.call('command', { command }).catch(() => undefined),
    [host],
  );

  if (failure !== null) return <Failure message={failure} run={run} />;
  if (!snapshot) return <Loading />;
  const { model, plan, scan, search, prediction } = snapshot;
  if (model.state === 'failed') return <Failure message={model.message} run={run} />;
  // Without its rows the tree would forget how far it was scrolled, and among some of them a bar has another length than among all.
  const wantsAll = !hasTree.current && (needsAllRows(view) || scan.measured !== null);
  const isReading = model.state === 'loading' || model.rowCount > 0;
  hasTree.current = isReading ? rows.length > 0 && (isComplete || !wantsAll) : true;
  if (!hasTree.current) return <Loading />;
  const isWhole = model.state === 'ready' && isComplete;
  return (
    <div class="app">
      {!isWhole && <vscode-progress-bar class="reloading" indeterminate aria-label="Reading the model" />}
      {model.state === 'ready' ? (
        <ModelHeader
          name={snapshot.name}
          header={model.header}
          plan={plan}
          prediction={prediction}
          host={host}
          run={run}
        />
      ) : (
        <ComingHeader name={snapshot.name} />
      )}
      <Notices snapshot={snapshot} run={run} />
      <Toolbar
        view={view}
        change={change}
        scanning={scan.running !== null}
        searching={search.running !== null}
        lookOnly={snapshot.lookOnly}
        hasRaw={hasRaw}
        rows={filtered}
        total={rows.filter((row) => isShown(row, view)).length}
        isComplete={isComplete}
        onExpandAll={() => change(ALL_OPEN)}
        onCollapseAll={() => change(ALL_CLOSED)}
        onOverview={openOverview}
        run={run}
      />
      <StatusRow scan={scan} search={search} run={run} />
      <div class="panes">
        <LayerGrid
          contextOf={(names) => menus.contextOf(snapshot.uri, names)}
          lines={lines}
          ranked={view.sort !== null}
          selection={{ ...selection, anchor: anchor.current ?? selection.anchor }}
          rows={rows}
          isBusy={!isWhole}
          isComplete={isComplete}
          changed={plan.changed}
          measured={scan.measured}
          isCompensated={plan.recover.length > 0}
          sort={view.sort}
          scrollTop={view.scrollTop}
          revealed={revealed}
          onSelect={select}
          onOpen={(ids, isOpen) => change(withOpen(view, open, ids, isOpen))}
          onSort={(sort) => change({ sort, scrollTop: 0 })}
          onScroll={(scrollTop) => change({ scrollTop })}
          onInspect={() => inspector.current?.focus()}
        />
        <Inspector
          paneRef={inspector}
          host={host}
          items={selectedItems}
          isComplete={isComplete}
          revision={snapshot.revision}
          plan={plan}
          scan={scan}
          latency={snapshot.latency}
          bits={view.bits}
          onBits={(bits) => change({ bits })}
          sections={view}
          onSections={change}
          onWalk={show}
          lookOnly={snapshot.lookOnly}
          explainWish={explainWish}
          onWishTaken={() => setExplainWish(null)}
        />
      </div>
      {view.overviewOpen && !isComplete && (
        <section class="panel overview" aria-label="Overview">
          <p class="hint">The overview comes when all rows have been read.</p>
        </section>
      )}
      {view.overviewOpen && isComplete && (
        <OverviewPanel
          name={snapshot.name}
          rows={rows}
          measured={scan.measured}
          view={view}
          change={change}
          wished={overview}
          onRow={show}
          onModule={(path) => void showChanged(revealModuleChange(shown, view, path))}
        />
      )}
      <ParetoPanel search={search} view={view} change={change} host={host} />
      <HatchPattern />
    </div>
  );
}

function useContent(store: ModelStore) {
  const [content, setContent] = useState(store.content);
  useEffect(() => {
    setContent(store.content);
    return store.subscribe(() => setContent(store.content));
  }, [store]);
  return content;
}

function Loading() {
  return (
    <div class="centered" role="status">
      <vscode-icon name="loading" spin size={20} />
      <p>Reading the model…</p>
    </div>
  );
}

function Failure({ message, run }: { message: string; run: (command: ViewCommand) => void }) {
  return (
    <div class="centered failure" role="alert">
      <vscode-icon name="error" size={28} />
      <p>{message}</p>
      <div class="buttons">
        <vscode-button onClick={() => run('retry')}>Try Again</vscode-button>
        <vscode-button secondary onClick={() => run('showLog')}>
          Show Log
        </vscode-button>
      </div>
    </div>
  );
}

/** The row that is selected alone; null when it is a group, or not alone. */
function selectedLayerOf([first, ...others]: readonly string[]): string | null {
  return first !== undefined && others.length === 0 ? rowName(first) : null;
}

/** The selected items in tree order; what is below a selected group is part of it. */
function itemsWith(tree: readonly TreeItem[], selected: ReadonlySet<string>): TreeItem[] {
  return tree.flatMap((item) => {
    if (selected.has(item.id)) return [item];
    return item.kind === 'group' ? itemsWith(item.children, selected) : [];
  });
}
