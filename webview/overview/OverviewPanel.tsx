import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatInteger, plural } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';
import { TableTwin } from '../charts/TableTwin';
import { HeightHandle } from '../pareto/HeightHandle';
import { rowTree } from '../tree/rowTree';
import { measuredLabel, type Measured } from '../tree/sensitivity';
import type { ViewState } from '../viewState';
import { BitWidths } from './BitWidths';
import { heatScales } from './heat';
import { HeatLegend } from './HeatLegend';
import { Icicle } from './Icicle';
import { icicle, type Shape } from './icicleLayout';
import { IcicleTable } from './IcicleTable';
import { sizeOfRows, wholeModel, type Measure } from './modules';
import { MEASURE_LABELS, sizeText } from './shapeText';
import { modulesTo, zoomedTo, type Zoom } from './zoom';

interface OverviewPanelProps {
  /** Of the model's file. */
  name: string;
  rows: readonly ViewRow[];
  measured: Measured;
  view: ViewState;
  change: (part: Partial<ViewState>) => void;
  /** Grows with each wish to have it in front. */
  wished: number;
  /** Shows and selects a row, or a module, in the layer tree. */
  onRow: (name: string) => void;
  onModule: (path: readonly string[]) => void;
}

const MEASURES: readonly Measure[] = ['bytes', 'macs'];
/** The table twin tells what a wide chart would show. */
const TABLE_FRAME = { width: 1600, height: 400 };

/** The model at a glance: how large its modules are, how much they hurt, and in how many bits the plan stores them. */
export function OverviewPanel(props: OverviewPanelProps) {
  const { name, rows, measured, view, change } = props;
  const { overviewMeasure: measure, overviewZoom: zoom } = view;
  const section = useRef<HTMLElement>(null);
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (props.wished > 0)
      section.current?.querySelector<HTMLElement>('svg[role=tree], select, button')?.focus();
  }, [props.wished]);
  const model = useMemo(() => wholeModel(rowTree(rows), name), [rows, name]);
  const scales = useMemo(() => heatScales(rows, measured), [rows, measured]);
  const selected = useMemo(() => new Set(view.selected), [view.selected]);
  const whole = useMemo(() => sizeOfRows(rows, measure), [rows, measure]);
  const context = useMemo(() => ({ measure, whole, measured }), [measure, whole, measured]);
  const unknown = useMemo(() => rows.filter(({ isLayer, macs }) => isLayer && macs === null).length, [rows]);
  const hasGuesses = useMemo(() => rows.some(({ candidate }) => candidate?.provisional), [rows]);
  const onSelect = ({ kind, rows: [row], path }: Shape): void => {
    if (kind === 'row' && row) props.onRow(row.name);
    else if (path.length > 0) props.onModule(path);
  };
  const onZoom = (overviewZoom: Zoom): void => change({ overviewZoom });
  return (
    <section class="panel overview" aria-label="Overview" ref={section}>
      <div class="panel-head">
        <h2>Overview</h2>
        <span class="summary">
          {sizeText(whole, measure)} in {plural(rows.length, 'row')}
        </span>
        <span class="dim goal">{measuredLabel(measured)}</span>
        {measure === 'macs' && unknown > 0 && (
          <span class="tag warning">MACs of {formatInteger(unknown)} layers unknown</span>
        )}
        <span class="spring" />
        <vscode-toolbar-button
          icon="close"
          label="Close Overview"
          onClick={() => change({ overviewOpen: false })}
        />
      </div>
      <HeightHandle
        label="Height of the overview"
        target={body}
        height={view.overviewHeight}
        onHeight={(overviewHeight) => change({ overviewHeight })}
      />
      <div class="panel-controls">
        <label class="field inline">
          <span>Widths</span>
          <vscode-single-select
            label="Widths"
            value={measure}
            onChange={(event) =>
              change({ overviewMeasure: (event.currentTarget as HTMLSelectElement).value as Measure })
            }
          >
            {MEASURES.map((each) => (
              <vscode-option key={each} value={each}>
                {MEASURE_LABELS[each]}
              </vscode-option>
            ))}
          </vscode-single-select>
        </label>
        <Breadcrumb modules={modulesTo(model, zoom.path)} current={zoomedTo(model, zoom)} onZoom={onZoom} />
      </div>
      <div
        class="panel-body"
        ref={body}
        style={view.overviewHeight === null ? undefined : { height: `${view.overviewHeight}px` }}
      >
        <div class="icicle-view">
          <Icicle {...{ model, zoom, context, scales, selected, onZoom, onSelect }} />
          <HeatLegend scales={scales} measured={measured} hasGuesses={hasGuesses} />
          <TableTwin
            label={`${MEASURE_LABELS[measure]} by module`}
            table={() => <IcicleTable shapes={icicle(model, zoom, measure, TABLE_FRAME)} context={context} />}
          />
        </div>
        <BitWidths rows={rows} />
      </div>
    </section>
  );
}

interface BreadcrumbProps {
  modules: ReturnType<typeof modulesTo>;
  current: ReturnType<typeof zoomedTo>;
  onZoom: (zoom: Zoom) => void;
}

/** Where the picture is in the model; each module around it leads back there. */
function Breadcrumb({ modules, current, onZoom }: BreadcrumbProps) {
  return (
    <nav class="breadcrumb" aria-label="Module shown">
      {modules
        .filter(({ id }) => id !== current.id)
        .map(({ id, name, path }) => (
          <span key={id}>
            <button type="button" class="link" onClick={() => onZoom({ path, span: null })}>
              {name}
            </button>
            <span class="codicon codicon-chevron-right" aria-hidden="true" />
          </span>
        ))}
      <span aria-current="location">{current.name}</span>
    </nav>
  );
}
