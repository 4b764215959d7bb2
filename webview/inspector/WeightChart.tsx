import { useEffect, useState } from 'preact/hooks';
import type { ErrorSplitCurve } from '../../src/core/results';
import { ErrorSplitTable } from '../charts/ErrorSplitTable';
import { ErrorSplitChart } from '../charts/errorSplitChart';
import type { Host } from '../host';

interface WeightChartProps {
  host: Host;
  layer: string;
  revision: number;
  bits: number;
  onBits: (bits: number) => void;
}

const BIT_WIDTHS = [8, 7, 6, 5, 4, 3, 2] as const;

/** A selection that only passes by (arrow keys held down) should not make the engine read every weight. */
const SETTLE_MS = 120;

type Loaded = { curve: ErrorSplitCurve } | { error: string } | undefined;

/** Clipping against rounding of one layer's weight, asked for when the selection rests on it. */
export function WeightChart({ host, layer, revision, bits, onBits }: WeightChartProps) {
  const [loaded, setLoaded] = useState<Loaded>(undefined);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      host.call('errorSplit', { layer, bits }).then(
        (curve) => current && setLoaded({ curve }),
        (error: unknown) =>
          current && setLoaded({ error: error instanceof Error ? error.message : String(error) }),
      );
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [host, layer, revision, bits]);
  const choose = (event: Event): void => onBits(Number((event.currentTarget as HTMLSelectElement).value));
  // The chart of the layer before stays until the new one is there, unless that is of another layer.
  const curve = loaded && 'curve' in loaded && loaded.curve.layer === layer ? loaded.curve : undefined;
  return (
    <section class="chart" aria-label="Clipping versus rounding">
      <div class="chart-head">
        <h3>Clipping versus rounding</h3>
        <label class="field inline">
          <span>Bits</span>
          <vscode-single-select label="Bit width" value={String(bits)} onChange={choose}>
            {BIT_WIDTHS.map((width) => (
              <vscode-option key={width} value={String(width)}>
                {width}
              </vscode-option>
            ))}
          </vscode-single-select>
        </label>
      </div>
      {loaded && 'error' in loaded && (
        <p class="note" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" /> {loaded.error}
        </p>
      )}
      {!loaded && <p class="hint">Reading the weight…</p>}
      {curve && (
        <>
          <ErrorSplitChart curve={curve} />
          <ErrorSplitTable curve={curve} />
        </>
      )}
    </section>
  );
}
