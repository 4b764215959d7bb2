import { useState } from 'preact/hooks';
import type { WeightSlice } from '../../src/core/inspectorResults';
import { formatInteger, formatNumber } from '../../src/shared/format';
import { HeatMap, HeatTable } from '../charts/HeatMap';
import { TableTwin } from '../charts/TableTwin';
import type { Host } from '../host';
import { Disclosure } from './Disclosure';
import { Shown } from './Shown';
import { useAnswer } from './useAnswer';

interface WeightHeatProps {
  host: Host;
  layer: string;
  weight: number;
  revision: number;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
}

/** Which slice of the tensor is shown. */
interface Cut {
  readonly axes: readonly [number, number];
  /** Of the other axes. */
  readonly index: readonly number[];
}

const FIRST_AXES: Cut = { axes: [0, 1], index: [] };

/** A 2-D slice of the weight as a heat map, with a choice of axes and positions. */
export function WeightHeat({ host, layer, weight, revision, isOpen, onToggle }: WeightHeatProps) {
  const [cut, setCut] = useState(FIRST_AXES);
  const answer = useAnswer(
    JSON.stringify([revision, layer, weight]),
    isOpen ? JSON.stringify(cut) : null,
    () => host.call('weightSlice', { layer, weight, axes: [...cut.axes], index: [...cut.index] }),
  );
  return (
    <Disclosure
      id="heat"
      title="Heat map"
      isOpen={isOpen}
      isBusy={isOpen && answer.isBusy}
      onToggle={onToggle}
    >
      <Shown
        answer={answer}
        show={(slice) => (
          <>
            <CutFields slice={slice} onCut={setCut} />
            <figure class="weight-chart">
              <HeatMap slice={slice} />
              <figcaption>
                <span class="key positive">{slice.reduce === null ? 'positive' : 'magnitude'}</span>
                {slice.reduce === null && <span class="key negative">negative</span>}
                <p class="dim">{captionOf(slice)}</p>
              </figcaption>
            </figure>
            <TableTwin label="Values of the slice" table={() => <HeatTable slice={slice} />} />
          </>
        )}
      />
    </Disclosure>
  );
}

function captionOf({ min, max, reduce, rowsPerCell, columnsPerCell }: WeightSlice): string {
  const range =
    min === null || max === null ? 'no finite values' : `${formatNumber(min)} … ${formatNumber(max)}`;
  if (reduce === null) return `Values: ${range}. Exact.`;
  const together = `${formatInteger(rowsPerCell)} × ${formatInteger(columnsPerCell)} values`;
  return `Values: ${range}. The colour of a cell is the greatest magnitude of ${together}.`;
}

function CutFields({ slice, onCut }: { slice: WeightSlice; onCut: (cut: Cut) => void }) {
  const { shape, index } = slice;
  const [down = 0, across = 1] = slice.axes;
  if (shape.length < 3) return null;
  const others = shape.map((_, axis) => axis).filter((axis) => axis !== down && axis !== across);
  const axisSelect = (label: string, value: number, choose: (axis: number) => [number, number]) => (
    <label class="field inline">
      <span>{label}</span>
      <vscode-single-select
        label={label}
        value={String(value)}
        onChange={(event: Event) =>
          onCut({ axes: choose(Number((event.currentTarget as HTMLSelectElement).value)), index: [] })
        }
      >
        {shape.map((size, axis) => (
          <vscode-option key={axis} value={String(axis)}>
            {`${axis} (${formatInteger(size)})`}
          </vscode-option>
        ))}
      </vscode-single-select>
    </label>
  );
  return (
    <div class="cut">
      {/* Choosing the other one's axis swaps the two. */}
      {axisSelect('Down', down, (axis) => [axis, axis === across ? down : across])}
      {axisSelect('Across', across, (axis) => [axis === down ? across : down, axis])}
      {others.map((axis, at) => (
        <label class="field inline" key={axis}>
          <span>{`At axis ${axis}`}</span>
          <input
            type="number"
            class="position"
            aria-label={`Position on axis ${axis}`}
            min={0}
            max={(shape[axis] ?? 1) - 1}
            value={index[at] ?? 0}
            onChange={(event) => {
              const position = Number(event.currentTarget.value);
              const last = (shape[axis] ?? 1) - 1;
              const within = Math.max(0, Math.min(last, Math.floor(position) || 0));
              onCut({ axes: [down, across], index: index.with(at, within) });
            }}
          />
        </label>
      ))}
    </div>
  );
}
