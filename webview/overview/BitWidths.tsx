import { useMemo } from 'preact/hooks';
import { formatBytes, formatCount } from '../../src/shared/format';
import type { ViewRow } from '../../src/shared/viewRpc';
import { TableTwin } from '../charts/TableTwin';
import { useFrame } from '../charts/useFrame';
import { BitWidthChart, BitWidthTable, widthTotals } from './BitWidthChart';
import { bitWidths } from './countBits';

const LEAST = { width: 180, height: 40 };

/** In how many bits the plan stores the model's parameters. */
export function BitWidths({ rows }: { rows: readonly ViewRow[] }) {
  const widths = useMemo(() => bitWidths(rows), [rows]);
  const [box, frame] = useFrame<HTMLElement>(LEAST);
  const { parameters, before, after } = widthTotals(widths);
  return (
    <section class="bit-width-view" aria-label="Bit widths" tabIndex={0}>
      <h3>Bit widths</h3>
      <p class="hint">
        {`${formatCount(parameters)} parameters, ${formatBytes(before)} → ${after === null ? '…' : formatBytes(after)}`}
      </p>
      <figure ref={box}>{frame && <BitWidthChart widths={widths} width={frame.width} />}</figure>
      <p class="legend" aria-hidden="true">
        <span>
          <span class="key parameters" /> share of the parameters
        </span>
        <span>
          <span class="key bytes" /> their bytes as planned, of all bytes now
        </span>
      </p>
      <TableTwin label="Parameters by bit width" table={() => <BitWidthTable widths={widths} />} />
    </section>
  );
}
