import type { WeightStatistics } from '../../src/core/inspectorResults';
import { TableTwin } from '../charts/TableTwin';
import { HistogramTable, WeightHistogram } from '../charts/WeightHistogram';
import { FactList } from './Fact';
import { weightFacts } from './weightText';

interface WeightFactsProps {
  statistics: WeightStatistics;
  onExport: () => void;
}

/** Shape, moments and histogram of a weight. */
export function WeightFacts({ statistics, onExport }: WeightFactsProps) {
  return (
    <>
      <FactList facts={weightFacts(statistics)} />
      <figure class="weight-chart">
        <WeightHistogram statistics={statistics} />
        <figcaption>
          <span class="key bars">how many values</span>
          <span class="key mean">mean</span>
          <span class="key spread">± one std. deviation</span>
        </figcaption>
      </figure>
      <TableTwin
        label="Values by bin of the histogram"
        table={() => <HistogramTable histogram={statistics.histogram} />}
      />
      <div class="buttons">
        <vscode-button secondary title="Write the values as a NumPy array of float32" onClick={onExport}>
          Export as .npy…
        </vscode-button>
      </div>
    </>
  );
}
