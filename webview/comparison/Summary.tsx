import type { ComponentChildren } from 'preact';
import type { ComparisonSnapshot } from '../../src/shared/comparisonRpc';
import { formatBytes, formatDb, formatNumber, formatPercent } from '../../src/shared/format';
import { ExportButton } from '../export/ExportButton';

type Output = ComparisonSnapshot['outputs'][number];

/** A section with a table that can be exported. */
function TableSection({ title, table }: { title: string; table: () => ComponentChildren }) {
  return (
    <section class="table-section">
      <div class="comparison-head">
        <h2>{title}</h2>
        <ExportButton title={title} chart={() => null} table={table} />
      </div>
      {table()}
    </section>
  );
}

/** Error and agreement at each output. */
export function OutputTable({ outputs }: { outputs: readonly Output[] }) {
  const rows = outputs.map((output) => ({ output, classes: classFigures(output) }));
  const hasClasses = rows.some(({ classes }) => classes.length > 0);
  return (
    <TableSection
      title="Outputs"
      table={() => (
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">Output</th>
              <th scope="col">SQNR</th>
              <th scope="col">Cosine</th>
              <th scope="col">Largest difference</th>
              {hasClasses && (
                <>
                  <th scope="col">Classes</th>
                  <th scope="col">Agreement</th>
                  <th scope="col">A, labelled</th>
                  <th scope="col">B, labelled</th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ output, classes }) =>
              (classes.length > 0 ? classes : [undefined]).map((figure, at) => (
                <tr key={`${output.name} ${at}`}>
                  <th scope="row">{output.name}</th>
                  <td>{formatDb(output.sqnrDb)}</td>
                  <td>{output.cosine === null ? '–' : output.cosine.toFixed(6)}</td>
                  <td>{formatNumber(output.maxAbs)}</td>
                  {hasClasses && (
                    <>
                      <td>{figure?.kind ?? '–'}</td>
                      <td>{share(figure?.agreement)}</td>
                      <td>{share(figure?.a)}</td>
                      <td>{share(figure?.b)}</td>
                    </>
                  )}
                </tr>
              )),
            )}
          </tbody>
        </table>
      )}
    />
  );
}

function classFigures({ top1, top5, pixelAccuracy }: Output) {
  return [
    { kind: 'top-1', figure: top1 },
    { kind: 'top-5', figure: top5 },
    { kind: 'pixels', figure: pixelAccuracy },
  ].flatMap(({ kind, figure }) => (figure ? [{ kind, ...figure }] : []));
}

function share(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : formatPercent(value);
}

/** What both cost, as it was measured. */
export function CostTable({ costs }: { costs: ComparisonSnapshot['costs'] }) {
  const milliseconds = (value: number): string => `${formatNumber(value)} ms`;
  const rows = [
    { name: 'Latency', note: 'median of single runs, in turns', pair: costs.latencyMs, text: milliseconds },
    {
      name: 'Peak memory',
      note: 'of a process with Node and the runtime',
      pair: costs.peakMemoryBytes,
      text: formatBytes,
    },
    { name: 'Files', note: '', pair: costs.bytes, text: formatBytes },
    { name: 'Files, deflated', note: '', pair: costs.deflatedBytes, text: formatBytes },
  ];
  return (
    <TableSection
      title="Cost"
      table={() => (
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">Of</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">B / A</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, note, pair: { a, b }, text }) => (
              <tr key={name}>
                <th scope="row">
                  {name}
                  {note && <span class="dim">, {note}</span>}
                </th>
                <td>{text(a)}</td>
                <td>{text(b)}</td>
                <td>{a > 0 ? `${formatNumber(b / a)} ×` : '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    />
  );
}
