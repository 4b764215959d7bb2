import { useEffect, useRef } from 'preact/hooks';
import type { ViewCommand, ViewRow } from '../src/shared/viewRpc';
import { ExportButton } from './export/ExportButton';
import { layersCsv } from './tree/layersCsv';
import { rowCountText } from './tree/rowCount';
import type { ViewState } from './viewState';

interface ToolbarProps {
  view: ViewState;
  change: (part: Partial<ViewState>) => void;
  /** While they run their buttons are in the status row. */
  scanning: boolean;
  searching: boolean;
  lookOnly: string | null;
  /** The model has nodes that only express a format. */
  hasRaw: boolean;
  /** Rows that the filter leaves. */
  rows: readonly ViewRow[];
  total: number;
  /** False: there are more rows, which still come. */
  isComplete: boolean;
  onExpandAll: () => void;
  onCollapseAll: () => void;
  onOverview: (open: boolean) => void;
  run: (command: ViewCommand) => void;
}

export function Toolbar(props: ToolbarProps) {
  const { view, change, scanning, searching, lookOnly, rows, total, isComplete, run } = props;
  const filter = useRef<HTMLElement>(null);
  const wereComing = useRef(false);
  wereComing.current ||= !isComplete;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'f' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      event.stopPropagation();
      filter.current?.focus();
    };
    window.addEventListener('keydown', onKey, true);
    return () => window.removeEventListener('keydown', onKey, true);
  }, []);
  const blocked = lookOnly ?? undefined;
  return (
    <div class="toolbar" role="group" aria-label="Filter and actions">
      <vscode-textfield
        class="filter"
        ref={filter}
        label="Filter layers"
        placeholder="Filter by name, operator, scheme, type or shape"
        value={view.filter}
        onInput={(event) => change({ filter: valueOf(event), scrollTop: 0 })}
      >
        <vscode-icon slot="content-before" name="filter" />
      </vscode-textfield>
      <span class="count" role="status">
        {rowCountText(rows.length, total, isComplete)}
      </span>
      <span class="hidden-text" role="status">
        {wereComing.current && isComplete ? 'All rows have been read.' : ''}
      </span>
      <vscode-toolbar-button icon="expand-all" label="Expand All" onClick={props.onExpandAll} />
      <vscode-toolbar-button icon="collapse-all" label="Collapse All" onClick={props.onCollapseAll} />
      {isComplete && <ExportButton title="Layers" chart={() => null} csv={() => layersCsv(rows)} />}
      <vscode-toolbar-button
        icon="graph"
        label="Overview"
        title="Overview: sizes and sensitivity by module, and the bit widths of the plan"
        toggleable
        checked={view.overviewOpen}
        onClick={() => props.onOverview(!view.overviewOpen)}
      />
      <vscode-checkbox
        checked={view.showNodes}
        label="Other nodes"
        title="Also show nodes without a weight: Add, pooling, Softmax…"
        onChange={(event) => change({ showNodes: isChecked(event) })}
      />
      {props.hasRaw && (
        <vscode-checkbox
          checked={view.showRaw}
          label="Raw Q/DQ nodes"
          title="Also show the nodes that quantize and dequantize: QuantizeLinear, DequantizeLinear, codebooks…"
          onChange={(event) => change({ showRaw: isChecked(event) })}
        />
      )}
      <span class="spring" />
      {!scanning && (
        <vscode-button
          secondary
          disabled={!!blocked}
          title={blocked ?? 'Measures what quantizing each layer alone does to the output of the model'}
          onClick={() => run('scan')}
        >
          Scan Sensitivity
        </vscode-button>
      )}
      {!searching && (
        <vscode-button
          secondary
          disabled={!!blocked}
          title={
            blocked ?? 'Finds the plan with the least error within a budget, or the cheapest within an error'
          }
          onClick={() => run('search')}
        >
          Search Plan…
        </vscode-button>
      )}
      <vscode-button secondary disabled={!!blocked} title={blocked ?? ''} onClick={() => run('compare')}>
        Compare…
      </vscode-button>
      <vscode-button
        secondary
        disabled={!!blocked}
        title={blocked ?? 'Everything about the plan in a folder: Markdown with charts, CSV and JSON'}
        onClick={() => run('report')}
      >
        Write Report…
      </vscode-button>
      <vscode-button disabled={!!blocked} title={blocked ?? ''} onClick={() => run('write')}>
        Write Quantized Model…
      </vscode-button>
    </div>
  );
}

function valueOf(event: Event): string {
  return (event.currentTarget as HTMLInputElement).value;
}

function isChecked(event: Event): boolean {
  return (event.currentTarget as HTMLInputElement).checked;
}
