import { differenceChart } from '../../src/shared/charts/differenceChart';
import { scatterChart } from '../../src/shared/charts/scatterChart';
import { classText } from '../../src/shared/classText';
import type { OutputView } from '../../src/shared/comparisonRpc';
import { formatInteger, formatPercent } from '../../src/shared/format';
import { TableTwin } from '../charts/TableTwin';
import { HistogramTable } from '../charts/WeightHistogram';
import { ExportButton } from '../export/ExportButton';
import type { ComparisonHost } from './ComparisonApp';
import { SampleList } from './SampleList';
import { SampleDetails } from './SampleDetails';
import type { ComparisonState } from './state';
import { SvgChart } from './SvgChart';

interface OutputSectionsProps {
  /** Of the output. */
  name: string;
  view: OutputView;
  host: ComparisonHost;
  state: ComparisonState;
  change: (part: Partial<ComparisonState>) => void;
}

/** What one output tells sample by sample, class by class and value by value. */
export function OutputSections({ name, view, host, state, change }: OutputSectionsProps) {
  const { samples, flipCount, vectors } = view;
  const hasChanges = samples.some(({ changed }) => changed > 0);
  const shown = state.onlyChanged && hasChanges ? samples.filter(({ changed }) => changed > 0) : samples;
  const chosen = shown.find(({ sample }) => sample === state.sample) ?? shown[0];
  return (
    <>
      <section aria-label="Samples">
        <div class="comparison-head">
          <h2>Samples</h2>
          {vectors > 0 && (
            <span>
              Class changes: {formatInteger(flipCount)} of {formatInteger(vectors)} (
              {formatPercent(flipCount / vectors)})
            </span>
          )}
          {hasChanges && (
            <vscode-checkbox
              label="Only samples that change"
              checked={state.onlyChanged}
              onChange={(event: Event) =>
                change({ onlyChanged: (event.currentTarget as HTMLInputElement).checked })
              }
            />
          )}
        </div>
        <div class="samples">
          <SampleList
            rows={shown}
            classNames={view.classNames}
            hasClasses={view.classes > 0}
            chosen={chosen?.sample ?? null}
            onChoose={(sample) => change({ sample })}
          />
          {chosen && <SampleDetails output={name} row={chosen} classNames={view.classNames} host={host} />}
        </div>
      </section>
      {view.labelled > 0 && <Confusion view={view} />}
      <Values name={name} view={view} />
    </>
  );
}

function Confusion({ view: { mistakes, mistakeCount, labelled, classNames } }: { view: OutputView }) {
  const table = () => (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">Label</th>
          <th scope="col">Taken for</th>
          <th scope="col">By A</th>
          <th scope="col">By B</th>
        </tr>
      </thead>
      <tbody>
        {mistakes.map(({ label, predicted, a, b }) => (
          <tr key={`${label} ${predicted}`}>
            <th scope="row">{classText(label, classNames)}</th>
            <td>{classText(predicted, classNames)}</td>
            <td>{formatInteger(a)}</td>
            <td>{formatInteger(b)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
  return (
    <section class="table-section">
      <div class="comparison-head">
        <h2>Confusion by class</h2>
        <span class="dim">
          Mistakes among {formatInteger(labelled)} with a label
          {mistakes.length < mistakeCount && `, the ${mistakes.length} most frequent kinds`}
        </span>
        {mistakes.length > 0 && <ExportButton title="Confusion by class" chart={() => null} table={table} />}
      </div>
      {mistakes.length === 0 ? (
        <p class="hint">None, by A or B.</p>
      ) : (
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Confusion by class">
          {table()}
        </div>
      )}
    </section>
  );
}

function Values({ name, view }: { name: string; view: OutputView }) {
  const { differences, points, stride, elements } = view;
  const sides = { a: 'A', b: 'B' };
  return (
    <section>
      <h2>Output values</h2>
      <div class="charts">
        {differences && (
          <div>
            <SvgChart
              of={[differences]}
              make={() => differenceChart(differences, { title: `Differences at output ${name}`, ...sides })}
            />
            <TableTwin
              label="Differences of values"
              table={() => <HistogramTable histogram={differences} />}
            />
          </div>
        )}
        {points.length > 0 && (
          <div>
            <SvgChart
              of={[points]}
              make={() => scatterChart(points, { title: `Output ${name}`, ...sides })}
            />
            <TableTwin
              label="Values of A and B"
              table={() => (
                <table>
                  <caption class="dim">
                    {stride > 1 ? `One in about ${formatInteger(stride)} of` : 'All'}{' '}
                    {formatInteger(elements)} values
                  </caption>
                  <thead>
                    <tr>
                      <th scope="col">A</th>
                      <th scope="col">B</th>
                    </tr>
                  </thead>
                  <tbody>
                    {points.map(([a, b], at) => (
                      <tr key={at}>
                        <td>{a}</td>
                        <td>{b}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            />
          </div>
        )}
      </div>
    </section>
  );
}
