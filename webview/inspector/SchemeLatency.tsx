import type { LatencyView, ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { LatencyTable } from './LatencyTable';
import { useAnswer } from './useAnswer';

interface SchemeLatencyProps {
  row: ViewRow;
  host: Host;
  revision: number;
  latency: LatencyView;
  /** Why models must not be run here; null when they may. */
  lookOnly: string | null;
  onScheme: (scheme: string) => void;
}

/** What the selected layer takes in each scheme, measured when the user asks for it or a search needs it. */
export function SchemeLatency({ row, host, revision, latency, lookOnly, onScheme }: SchemeLatencyProps) {
  const { isRunning, generation } = latency;
  const layer = row.name;
  const { value } = useAnswer(layer, generation > 0 ? JSON.stringify([revision, generation]) : null, () =>
    host.call('latencyOf', { layer }),
  );
  return (
    <section class="layer-latency" aria-label="Latency" aria-busy={isRunning}>
      <div class="section-head">
        <h4>Latency</h4>
        {lookOnly === null && (
          <vscode-button
            secondary
            disabled={isRunning}
            title="Times every layer in each scheme on this machine; takes seconds for each scheme"
            onClick={() => void host.call('command', { command: 'measureLatency' }).catch(() => undefined)}
          >
            {value ? 'Measure Again' : 'Measure Latency'}
          </vscode-button>
        )}
      </div>
      {value ? (
        <LatencyTable latency={value} op={row.op} planned={row.scheme} onScheme={onScheme} />
      ) : (
        <p class="hint">
          {isRunning ? 'Being measured…' : 'Not measured: it takes seconds for each scheme.'}
        </p>
      )}
    </section>
  );
}
