/** The columns of the layer tree: what each shows for a row and for a group. */
import type { ComponentChildren } from 'preact';
import {
  formatBytes,
  formatCount,
  formatDb,
  formatInteger,
  formatNumber,
  formatShape,
} from '../../src/shared/format';
import type { ScanView, ViewRow } from '../../src/shared/viewRpc';
import { predictedText, rowLabels } from '../rowText';
import type { SortColumn } from './flatten';
import { shownScheme, type Totals } from './totals';

export interface CellContext {
  /** The largest sensitivity shown, which fills a bar. */
  readonly worst: number;
  readonly measured: ScanView['measured'];
}

interface Cell {
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
    row: (row) => {
      // Its format is that of the row it belongs to.
      if (row.foldedInto !== undefined) return { content: '', title: `Part of ${row.foldedInto}` };
      return {
        content: <span class={`pill ${row.scheme}`}>{shownScheme(row)}</span>,
        title: row.reason ?? [shownScheme(row), ...rowLabels(row)].join(', '),
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
    row: ({ candidate }, context) => {
      if (!candidate) return EMPTY;
      if (candidate.sensitivity === null) {
        const title = candidate.error ?? 'The measurement failed.';
        return {
          content: <span class="codicon codicon-error" role="img" aria-label={`Failed: ${title}`} />,
          title,
        };
      }
      const local = `SQNR at the layer's own output ${formatDb(candidate.localSqnrDb)}`;
      const title = `${measuredLabel(context.measured)}: ${candidate.sensitivity}. ${local}. ${formatBytes(candidate.bytes)} as ${candidate.scheme}.`;
      return { content: <Bar value={candidate.sensitivity} context={context} />, title };
    },
    group: ({ sensitivity }, context) =>
      sensitivity === null
        ? EMPTY
        : {
            content: <Bar value={sensitivity} context={context} />,
            title: `The worst of its layers. ${measuredLabel(context.measured)}: ${sensitivity}`,
          },
  },
];

const METRICS: Readonly<Record<NonNullable<ScanView['measured']>['metric'], string>> = {
  kl: 'KL',
  nmse: 'NMSE',
  sqnr: 'noise over signal in dB',
  accuracy: 'loss of accuracy',
};

/** What the figures of a scan mean: metric, slice, samples, and that they are simulated. */
export function measuredLabel(measured: ScanView['measured']): string {
  if (!measured) return 'Not measured';
  const { metric, slice, samples, partial, random } = measured;
  const parts = [
    METRICS[metric],
    `${slice} slice`,
    `${formatInteger(samples)} samples`,
    'simulated',
    ...(partial ? ['scan incomplete'] : []),
    ...(random ? ['random inputs'] : []),
  ];
  return parts.join(', ');
}

function Bar({ value, context }: { value: number; context: CellContext }) {
  const share = context.worst > 0 ? Math.max(0, Math.min(1, value / context.worst)) : 0;
  return (
    <span class="meter">
      <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-track" width="100" height="10" />
        <rect class="bar-fill" width={(100 * share).toFixed(1)} height="10" />
      </svg>
      <span class="number">{formatNumber(value)}</span>
    </span>
  );
}

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
