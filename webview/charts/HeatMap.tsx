import type { WeightSlice } from '../../src/core/inspectorResults';
import { formatInteger, formatNumber } from '../../src/shared/format';
import { PLOT_LEFT, PLOT_RIGHT, PLOT_WIDTH, round } from './plot';

const TOP = 16;
const MOST_HEIGHT = 270;
/** Cells of few rows and columns would fill the inspector. */
const LARGEST_CELL = 24;
/** Negative cells are that much smaller, so that the sign can be told without colours. */
const NEGATIVE_SHARE = 0.66;

/**
 * A slice of a weight: the stronger the colour of a cell, the greater its magnitude; negative cells are smaller and of
 * another colour. Pure.
 */
export function HeatMap({ slice }: { slice: WeightSlice }) {
  const { cells } = slice;
  const columns = cells[0]?.length ?? 0;
  const size = Math.min(
    LARGEST_CELL,
    (PLOT_RIGHT - PLOT_LEFT) / Math.max(1, columns),
    MOST_HEIGHT / Math.max(1, cells.length),
  );
  const strongest = cells.flat().reduce<number>((most, cell) => Math.max(most, Math.abs(cell ?? 0)), 0);
  const bottom = TOP + size * cells.length;
  const [down = 0, across = 1] = slice.axes;
  return (
    <svg
      class="plot heat"
      viewBox={`0 0 ${PLOT_WIDTH} ${round(bottom + 18)}`}
      role="img"
      aria-label={heatSummary(slice)}
    >
      <text x={PLOT_LEFT} y={TOP - 5}>{`axis ${across}: 0 to ${slice.columns - 1}`}</text>
      <text x={PLOT_LEFT - 4} y={TOP + 8} text-anchor="end">
        0
      </text>
      <text x={PLOT_LEFT - 4} y={round(bottom)} text-anchor="end">
        {slice.rows - 1}
      </text>
      <text x={PLOT_LEFT} y={round(bottom + 13)}>{`axis ${down} downwards`}</text>
      <rect
        class="ground-plane"
        x={PLOT_LEFT}
        y={TOP}
        width={round(size * columns)}
        height={round(size * cells.length)}
      />
      {cells.map((row, y) =>
        row.map((cell, x) => {
          if (cell === null || cell === 0 || strongest === 0) return null;
          const side = cell < 0 ? size * NEGATIVE_SHARE : size;
          const inset = (size - side) / 2;
          return (
            <rect
              class={cell < 0 ? 'negative' : 'positive'}
              x={round(PLOT_LEFT + x * size + inset)}
              y={round(TOP + y * size + inset)}
              width={round(side)}
              height={round(side)}
              fill-opacity={(Math.abs(cell) / strongest).toFixed(2)}
            />
          );
        }),
      )}
    </svg>
  );
}

export function heatSummary({ weight, rows, columns, min, max }: WeightSlice): string {
  const range =
    min === null || max === null ? 'no finite values' : `${formatNumber(min)} to ${formatNumber(max)}`;
  return `Slice of ${weight}, ${formatInteger(rows)} × ${formatInteger(columns)}: ${range}. The table below has the values.`;
}

/** The same cells as numbers. Pure. */
export function HeatTable({ slice }: { slice: WeightSlice }) {
  const { cells, rowsPerCell, columnsPerCell } = slice;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{`axis ${slice.axes[0]} / ${slice.axes[1]}`}</th>
          {cells[0]?.map((_, column) => (
            <th scope="col" key={column}>
              {column * columnsPerCell}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {cells.map((row, at) => (
          <tr key={at}>
            <th scope="row">{at * rowsPerCell}</th>
            {row.map((cell, column) => (
              <td key={column}>{cell === null ? 'none' : formatNumber(cell)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
