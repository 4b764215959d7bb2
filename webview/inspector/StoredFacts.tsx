import { useEffect, useState } from 'preact/hooks';
import type { QuantizationDetails } from '../../src/core/results';
import type { ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { Fact } from './Fact';
import { storedFacts } from './storedText';

interface StoredFactsProps {
  row: ViewRow;
  host: Host;
  revision: number;
}

/** A selection that only passes by should not make the engine read scales. */
const SETTLE_MS = 120;

type Loaded = { details: QuantizationDetails } | { layer: string; error: string } | undefined;

/** How a quantized row stores its weight and what formats its activations have; nothing for a float one. */
export function StoredFacts({ row, host, revision }: StoredFactsProps) {
  if (row.foldedInto !== undefined) {
    return (
      <dl class="facts column">
        <Fact name="Part of" value={row.foldedInto} />
      </dl>
    );
  }
  return row.stored || row.activations ? <Formats row={row} host={host} revision={revision} /> : null;
}

function Formats({ row, host, revision }: StoredFactsProps) {
  const [loaded, setLoaded] = useState<Loaded>(undefined);
  const layer = row.name;
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      host.call('quantizationOf', { layer }).then(
        (details) => current && setLoaded({ details }),
        (error: unknown) =>
          current && setLoaded({ layer, error: error instanceof Error ? error.message : String(error) }),
      );
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [host, layer, revision]);
  const details =
    loaded && 'details' in loaded && loaded.details.layer === layer ? loaded.details : undefined;
  const error = loaded && 'error' in loaded && loaded.layer === layer ? loaded.error : undefined;
  return (
    <section class="stored" aria-label="Quantization" aria-busy={!details && !error}>
      <h3>Quantization</h3>
      {error !== undefined ? (
        <p class="note" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" /> {error}
        </p>
      ) : details ? (
        <dl class="facts column">
          {storedFacts(row, details).map(({ name, value }, index) => (
            <Fact key={index} name={name} value={value} />
          ))}
        </dl>
      ) : (
        <p class="hint">Reading scales…</p>
      )}
    </section>
  );
}
