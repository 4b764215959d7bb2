import type { FormatUse } from '../../src/core/inspectorResults';
import { CodesChart, CodesTable, codesText } from '../charts/CodesChart';
import { TableTwin } from '../charts/TableTwin';
import { FactList } from './Fact';
import { formatFacts } from './weightText';

/** Which codes of its planned format a weight uses. */
export function Codes({ use }: { use: FormatUse }) {
  const { codes, notes } = use;
  const used = codes ? [{ name: 'Codes used', value: codesText(codes) }] : [];
  return (
    <>
      <FactList facts={[...used, ...formatFacts(use)]} />
      {codes ? (
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
      ) : (
        <p class="hint">Half precision is a number format: it has no codes to count.</p>
      )}
      {notes.map((note) => (
        <p class="hint" key={note}>
          {note}
        </p>
      ))}
    </>
  );
}
