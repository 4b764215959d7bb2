import { useEffect, useState } from 'preact/hooks';
import type { Candidate } from '../../src/core/results';
import type { LatencyView, ScanView, ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { SchemeLatency } from './SchemeLatency';
import { SchemesTable } from './SchemesTable';

interface SchemesSectionProps {
  row: ViewRow;
  host: Host;
  revision: number;
  scan: ScanView;
  latency: LatencyView;
  /** Why models must not be run here; null when they may. */
  lookOnly: string | null;
}

/** A scan brings several candidates of a layer in a row, and a selection may only pass by. */
const SETTLE_MS = 120;

/** Every scheme that was measured for the selected layer. One of these per layer: it forgets with its key. */
export function SchemesSection({ row, host, revision, scan, latency, lookOnly }: SchemesSectionProps) {
  const [candidates, setCandidates] = useState<readonly Candidate[]>([]);
  const layer = row.name;
  const isScanning = scan.running !== null;
  // The row's own candidate is a new object with every event that brings figures of the layer.
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      host.call('candidatesOf', { layer }).then(
        (found) => current && setCandidates(found),
        () => undefined,
      );
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [host, layer, revision, row.candidate, isScanning]);
  const setScheme = (scheme: string): void =>
    void host.call('setScheme', { names: [layer], scheme }).catch(() => undefined);
  return (
    <section class="layer-schemes" aria-label="Schemes">
      <div class="section-head">
        <h3>Schemes</h3>
      </div>
      {candidates.length === 0 ? (
        <p class="hint">
          {isScanning
            ? 'Figures appear here as they are measured.'
            : 'Not measured. Scan Sensitivity measures what each scheme does to the output.'}
        </p>
      ) : (
        <SchemesTable
          candidates={candidates}
          planned={row.scheme}
          measured={scan.measured}
          onScheme={setScheme}
        />
      )}
      <SchemeLatency
        row={row}
        host={host}
        revision={revision}
        latency={latency}
        lookOnly={lookOnly}
        onScheme={setScheme}
      />
    </section>
  );
}
