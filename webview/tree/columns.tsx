/** The columns of the layer tree: what each shows for a row and for a group. */
import type { ComponentChildren } from 'preact';
import { formatBytes, formatCount, formatInteger, formatShape } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';
import { predictedText, rowLabels } from '../rowText';
import type { SortColumn } from './flatten';
import { candidateTitle, GUESS_LABEL, measuredLabel, type BarScales, type Measured } from './sensitivity';
import { Meter, SensitivityCell } from './SensitivityCell';
import { shownScheme, type Totals } from './totals';

export interface CellContext {
  readonly scales: BarScales;
  readonly measured: Measured;
  /** The plan makes up for the errors of weights. */
  readonly isCompensated: boolean;
}

export interface Cell {
  readonly content: ComponentChildren;
  readonly title?: string;
}

export interface Column {
  readonly id: 'op' | 'shape' | 'parameters' | 'bytes' | 'macs' | 'scheme' | 'sensitivity';
  readonly label: string;
  readonly sort?: SortColumn;
  readonly numeric: boolean;
  row(row: ViewRow, context: CellContext): Cell;
  group(totals: Totals, context: CellContext): Cell;
}

const EMPTY: Cell = { content: '' };

/** What a group shows in a column while rows of it may still come. */
export function comingCell({ id }: Column): Cell {
  if (id === 'shape' || id === 'sensitivity') return EMPTY;
  return { content: <span class="dim">…</span>, title: 'Known when all rows have been read' };
}

export const COLUMNS: readonly Column[] = [
  {
    id: 'op',
    label: 'Operator',
    sort: 'op',
    numeric: false,
    row: ({ op }) => ({ content: op, title: op }),
    group: ({ layers }) => ({
      content: <span class="dim">{layers === 1 ? '1 layer' : `${formatInteger(layers)} layers`}</span>,
    }),
  },
  {
    id: 'shape',
    label: 'Weight',
    numeric: false,
    row: ({ weight, stored }) =>
      weight
        ? {
            content: (
              <span class="weight">
                <span class="size">{formatShape(weight.shape)}</span>{' '}
                {stored ? <span class="dtype">{stored.badge}</span> : <span class="dim">{weight.dtype}</span>}
              </span>
            ),
            title: `${weight.name}: ${formatShape(weight.shape)} ${stored?.badge ?? weight.dtype}`,
          }
        : EMPTY,
    group: () => EMPTY,
  },
  {
    id: 'parameters',
    label: 'Parameters',
    sort: 'parameters',
    numeric: true,
    row: (row) => (row.parameters > 0 ? count(row.parameters) : EMPTY),
    group: (totals) => count(totals.parameters),
  },
  {
    id: 'bytes',
    label: 'Size',
    sort: 'bytes',
    numeric: true,
    row: (row) => (row.bytes > 0 ? size(row.bytes, predictedText(row)) : EMPTY),
    group: ({ bytes, predicted }) =>
      size(bytes, predicted === null ? undefined : groupText(bytes, predicted)),
  },
  {
    id: 'macs',
    label: 'MACs',
    sort: 'macs',
    numeric: true,
    row: (row) => {
      if (row.macs !== null) return count(row.macs);
      return row.isLayer ? { content: '?', title: 'Unknown: set the symbolic dimensions above' } : EMPTY;
    },
    group: ({ macs, macsUnknown, layers }) => {
      if (macs === null) return layers > 0 ? { content: '?', title: 'Unknown' } : EMPTY;
      const sum = count(macs);
      return macsUnknown > 0
        ? { content: <>≥ {sum.content}</>, title: `${macsUnknown} layers unknown` }
        : sum;
    },
  },
  {
    id: 'scheme',
    label: 'Scheme',
    numeric: false,
    row: (row, { isCompensated }) => {
      // Its format is that of the row it belongs to.
      if (row.foldedInto !== undefined) return { content: '', title: `Part of ${row.foldedInto}` };
      return {
        content: <span class={`pill ${row.scheme}`}>{shownScheme(row)}</span>,
        title: row.reason ?? [shownScheme(row), ...rowLabels(row, isCompensated)].join(', '),
      };
    },
    group: ({ scheme, schemeDetail }) => ({
      content: <span class={`pill ${scheme}`}>{scheme}</span>,
      title: schemeDetail,
    }),
  },
  {
    id: 'sensitivity',
    label: 'Sensitivity',
    sort: 'sensitivity',
    numeric: true,
    row: ({ candidate }, { scales, measured }) =>
      candidate
        ? {
            content: <SensitivityCell candidate={candidate} scales={scales} measured={measured} />,
            title: candidateTitle(candidate, measured),
          }
        : EMPTY,
    group: ({ worst }, { scales, measured }) => {
      if (!worst) return EMPTY;
      const what = worst.provisional ? `A ${GUESS_LABEL}` : measuredLabel(measured);
      return {
        content: <Meter shown={worst} scales={scales} />,
        title: `The worst of its layers. ${what}: ${worst.sensitivity}`,
      };
    },
  },
];

function count(value: number): Cell {
  return { content: formatCount(value), title: formatInteger(value) };
}

/** @param predicted what becomes of it, in words. */
function size(bytes: number, predicted?: string): Cell {
  const exact = `${formatInteger(bytes)} bytes`;
  return { content: formatBytes(bytes), title: predicted ? `${exact}; ${predicted}` : exact };
}

/** `78.4 kB → 20.1 kB as planned`. */
export function groupText(before: number, after: number): string {
  return `${formatBytes(before)} → ${formatBytes(after)} as planned`;
}
