import type { WeightStatistics } from '../../src/core/inspectorResults';
import { CodebookChart, CodebookTable } from '../charts/CodebookChart';
import { TableTwin } from '../charts/TableTwin';
import { FactList } from './Fact';
import { codebookFacts } from './weightText';

/** The table of a format that has one, on the histogram of the weight. */
export function Codebook({ statistics }: { statistics: WeightStatistics }) {
  const { format, stored, histogram } = statistics;
  const use = format ?? stored;
  if (!use?.codebook) {
    return (
      <p class="hint">
        {format?.scheme ?? stored?.badge ?? 'This scheme'} has no codebook: its values are evenly spaced or
        floating-point numbers. Schemes with one are lutK, pow2-b and uN.
      </p>
    );
  }
  const { codebook, codes } = use;
  return (
    <>
      <FactList facts={codebookFacts(codebook)} />
      <figure class="weight-chart">
        <CodebookChart codebook={codebook} histogram={histogram} />
        <figcaption>
          <span class="key bars">how many values</span>
          <span class="key centroid">values of the codebook</span>
        </figcaption>
      </figure>
      <TableTwin
        label="Values of the codebook"
        table={() => <CodebookTable codebook={codebook} codes={codes} />}
      />
    </>
  );
}
