import { formatNumber } from '../../src/shared/format';
import type { LayerLatencyView } from '../../src/shared/viewRpc';
import { ShareBar } from '../charts/ShareBar';
import { differenceText, latencyRows } from './latencyRows';
import { SchemeButton } from './SchemeButton';

interface LatencyTableProps {
  latency: LayerLatencyView;
  /** The layer's operator. */
  op: string;
  /** The scheme in the plan. */
  planned: string;
  onScheme: (scheme: string) => void;
}

/** What one layer takes in each scheme as bars and figures, the fastest first. A click on a scheme applies it. Pure. */
export function LatencyTable({ latency, op, planned, onScheme }: LatencyTableProps) {
  const rows = latencyRows(latency, op);
  return (
    <>
      <table class="schemes" aria-label="Latency by scheme">
        <thead>
          <tr>
            <th scope="col">Scheme</th>
            <th scope="col">Layer, ms</th>
            <th
              scope="col"
              title="Milliseconds that a run of the model takes more than with the layer in float"
            >
              To float, ms
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ scheme, milliseconds, extra, share, isNoSpeedUp }) => (
            <tr key={scheme}>
              <th scope="row">
                <SchemeButton scheme={scheme} isPlanned={scheme === planned} onScheme={onScheme} />
                {isNoSpeedUp && <span class="dim no-speed-up">no speed-up</span>}
              </th>
              <td class="figure">
                {milliseconds === null ? '–' : formatNumber(milliseconds)}
                <ShareBar share={share} />
              </td>
              <td>{differenceText(extra)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">
        Measured on this machine, in models of which all layers have the scheme
        {latency.random && ', with random inputs'}; conversions around a layer alone are foretold. One run of
        the float model takes {formatNumber(latency.modelMs)} ms. A tenth is noise.
      </p>
    </>
  );
}
