import type { FormatUse } from '../../src/core/inspectorResults';
import { plural } from '../../src/shared/format';
import { errorText } from '../charts/channelErrorRows';
import { ChannelErrorsChart, ChannelErrorsTable } from '../charts/ChannelErrorsChart';
import { TableTwin } from '../charts/TableTwin';
import { FactList } from './Fact';
import { schemeFact } from './weightText';

interface ChannelErrorsProps {
  use: FormatUse;
  isFolded: boolean;
  isSorted: boolean;
  onSorted: (isSorted: boolean) => void;
}

/** Which channels of a weight the planned format clips, and which it rounds. */
export function ChannelErrors({ use, isFolded, isSorted, onSorted }: ChannelErrorsProps) {
  const columns = use.channelErrors;
  if (!columns) return <p class="hint">The operator has no channels of output.</p>;
  return (
    <>
      <FactList facts={[schemeFact(use, isFolded)]} />
      <p class="finding">{errorText(columns)}</p>
      <vscode-checkbox
        label="Greatest error first"
        checked={isSorted}
        onChange={(event: Event) => onSorted((event.currentTarget as HTMLInputElement).checked)}
      />
      <figure class="weight-chart">
        <ChannelErrorsChart columns={columns} isSorted={isSorted} />
        <figcaption>
          <span class="key part-rounding">rounding</span>
          <span class="key part-clipping">clipping</span>
          <span class="key per-tensor">if all had the same</span>
          <p class="dim">
            {plural(columns.first.length, columns.perRow > 1 ? 'row' : 'channel')} on axis {columns.axis}
            {columns.perRow > 1 && `, ${columns.perRow} neighbours in each`}.
          </p>
        </figcaption>
      </figure>
      <TableTwin
        label="Shares by channel"
        table={() => <ChannelErrorsTable columns={columns} isSorted={isSorted} />}
      />
    </>
  );
}
