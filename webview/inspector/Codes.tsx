import type { CodesInUse, FormatUse, StoredUse, WeightStatistics } from '../../src/core/inspectorResults';
import { CodesChart, CodesTable, codesText } from '../charts/CodesChart';
import { DifferenceHistogram, differencesText } from '../charts/DifferenceHistogram';
import { TableTwin } from '../charts/TableTwin';
import { HistogramTable } from '../charts/WeightHistogram';
import { FactList, type NotedFact } from './Fact';
import { formatFacts, storedUseFacts } from './weightText';

/** Which codes a weight uses: those of its planned format, or those that a quantized file holds. */
export function Codes({ statistics }: { statistics: WeightStatistics }) {
  const { format, stored, isFolded = false } = statistics;
  if (format) return <FormatCodes use={format} isFolded={isFolded} />;
  return stored ? <StoredCodes use={stored} /> : null;
}

function FormatCodes({ use, isFolded }: { use: FormatUse; isFolded: boolean }) {
  const { differences } = use;
  return (
    <>
      <CodeCounts use={use} facts={formatFacts(use, isFolded)} />
      {!use.codes && <p class="hint">Half precision is a number format: it has no codes to count.</p>}
      <h4>What the format changes</h4>
      <p class="finding">{differencesText(differences)}</p>
      <figure class="weight-chart">
        <DifferenceHistogram differences={differences} />
      </figure>
      <TableTwin
        label="Values by difference"
        table={() => <HistogramTable histogram={differences.histogram} />}
      />
    </>
  );
}

function StoredCodes({ use }: { use: StoredUse }) {
  return <CodeCounts use={use} facts={storedUseFacts(use)} />;
}

/** Codes as a chart and as figures, with what else is known of them. */
function CodeCounts({ use: { codes, notes }, facts }: { use: CodesInUse; facts: readonly NotedFact[] }) {
  const used = codes ? [{ name: 'Codes used', value: codesText(codes) }] : [];
  return (
    <>
      <FactList facts={[...used, ...facts]} />
      {codes && (
        <>
          <figure class="weight-chart">
            <CodesChart codes={codes} />
            <figcaption>
              <span class="key code">values per code</span>
              <span class="key unused">codes not used</span>
            </figcaption>
          </figure>
          <TableTwin label="Values by code" table={() => <CodesTable codes={codes} />} />
        </>
      )}
      {notes.map((note) => (
        <p class="hint" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}
