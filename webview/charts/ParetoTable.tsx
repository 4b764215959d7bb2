import type { SearchCost } from '../../src/core/searchResults';
import {
  formatBytes,
  formatCount,
  formatDb,
  formatInteger,
  formatNumber,
  formatPercent,
} from '../../src/shared/format';
import type { SearchPointView } from '../../src/shared/viewRpc';
import { withError } from '../numberText';
import { pointLabel } from './ParetoChart';
import { byCost, formatsText, METRIC_LABELS, type Found } from './planCosts';

interface ParetoTableProps {
  found: Found;
  /** The rows are in the order of this cost, as the points of the chart. */
  cost: SearchCost;
  picked: number | null;
  /** Has the tab stop. */
  current: number | null;
}

interface PlanColumn {
  readonly label: string;
  readonly text: (point: SearchPointView, found: Found) => string;
  /** Absent: always shown. */
  readonly isKnown?: (point: SearchPointView) => boolean;
  /** Words, not a figure. */
  readonly isText?: true;
}

const NOT_RUN = '–';

const COLUMNS: readonly PlanColumn[] = [
  { label: 'Of float', text: ({ bytes }, { float }) => formatPercent(bytes / float.bytes) },
  { label: 'Predicted', text: ({ predicted }) => formatNumber(predicted) },
  {
    label: 'Verified',
    text: ({ verified }) => (verified ? withError(verified.error, verified.standardError) : NOT_RUN),
    isKnown: ({ verified }) => verified !== null,
  },
  { label: 'Formats', text: formatsText, isText: true },
  {
    label: 'SQNR',
    text: ({ verified }) => (verified ? formatDb(verified.sqnrDb) : NOT_RUN),
    isKnown: ({ verified }) => verified !== null,
  },
  {
    label: 'Agreement',
    text: ({ verified }) => percentOr(verified?.agreement),
    isKnown: ({ verified }) => typeof verified?.agreement === 'number',
  },
  {
    label: 'Accuracy',
    text: ({ verified }) => percentOr(verified?.accuracy?.plan),
    isKnown: ({ verified }) => verified !== null && verified.accuracy !== null,
  },
  {
    label: 'Bit-operations',
    text: ({ bops }) => (bops === null ? NOT_RUN : formatCount(bops)),
    isKnown: ({ bops }) => bops !== null,
  },
  {
    label: 'Latency, ms',
    text: ({ latencyMs }) => (latencyMs === null ? NOT_RUN : formatNumber(latencyMs)),
    isKnown: ({ latencyMs }) => latencyMs !== null,
  },
  { label: 'Float layers', text: ({ floatLayers }) => formatInteger(floatLayers) },
];

/** The same plans as the chart's, a row each; the button of a row applies its plan. */
export function ParetoTable({ found, cost, picked, current }: ParetoTableProps) {
  const points = byCost(found.points, cost);
  const columns = COLUMNS.filter(({ isKnown }) => !isKnown || points.some(isKnown));
  const stop = points.some(({ id }) => id === current) ? current : points[0]?.id;
  return (
    <table class="plans" aria-label={`Plans; errors are ${METRIC_LABELS[found.metric]}`}>
      <thead>
        <tr>
          <th scope="col">Plan</th>
          {columns.map(({ label, isText }) => (
            <th key={label} scope="col" class={isText && 'text'}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {points.map((point) => (
          <tr
            key={point.id}
            data-plan={point.id}
            class={`${point.verified ? 'verified' : 'predicted'}${point.id === current ? ' current' : ''}`}
          >
            <th scope="row">
              <button
                type="button"
                class="link"
                tabIndex={point.id === stop ? 0 : -1}
                aria-label={`Apply plan: ${pointLabel(point, found, cost)}`}
              >
                {formatBytes(point.bytes)}
              </button>{' '}
              <Marks point={point} found={found} picked={picked} />
            </th>
            {columns.map(({ label, text, isText }) => (
              <td key={label} class={isText && 'text'} title={isText && text(point, found)}>
                {text(point, found)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Marks({ point, found, picked }: { point: SearchPointView; found: Found; picked: number | null }) {
  const marks = [
    ...(point.id === found.chosen ? ['chosen'] : []),
    ...(point.id === found.applied ? ['applied'] : []),
    ...(point.id === picked ? ['within budget'] : []),
  ];
  return (
    <>
      {marks.map((mark) => (
        <span key={mark} class="tag">
          {mark}
        </span>
      ))}
    </>
  );
}

function percentOr(share: number | null | undefined): string {
  return typeof share === 'number' ? formatPercent(share) : NOT_RUN;
}
