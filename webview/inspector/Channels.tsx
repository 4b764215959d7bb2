import type { WeightStatistics } from '../../src/core/inspectorResults';
import { formatInteger, plural } from '../../src/shared/format';
import { decidingText, stepsText } from '../charts/channelRows';
import { ChannelsChart, ChannelsTable } from '../charts/ChannelsChart';
import { TableTwin } from '../charts/TableTwin';
import { methodText } from './weightText';

interface ChannelsProps {
  statistics: WeightStatistics;
  isSorted: boolean;
  onSorted: (isSorted: boolean) => void;
}

/** The range of each channel of a weight, and what steps per channel gain. */
export function Channels({ statistics, isSorted, onSorted }: ChannelsProps) {
  const { channels, steps } = statistics;
  if (!channels) return <p class="hint">The operator has no channels of output: its weight has one range.</p>;
  return (
    <>
      <p class="finding">{decidingText(channels.deciding)}</p>
      {steps && <p class="finding">{stepsText(steps)}</p>}
      <vscode-checkbox
        label="Widest first"
        checked={isSorted}
        onChange={(event: Event) => onSorted((event.currentTarget as HTMLInputElement).checked)}
      />
      <figure class="weight-chart">
        <ChannelsChart channels={channels} steps={steps} isSorted={isSorted} />
        <figcaption>
          <span class="key box">1 to 99 %</span>
          <span class="key whisker">min to max</span>
          <span class="key step">step per channel</span>
          <span class="key per-tensor">per tensor</span>
          <span class="key pointer">decides the range</span>
          <p class="dim">
            {plural(channels.channels, 'channel')} on axis {channels.axis}
            {channels.perRow > 1 && `, ${formatInteger(channels.perRow)} neighbours together`}.{' '}
            {statistics.method === 'exact' ? 'Exact.' : `Percentiles ${methodText(statistics)}.`}
          </p>
        </figcaption>
      </figure>
      <TableTwin
        label="Range by channel"
        table={() => <ChannelsTable channels={channels} steps={steps} isSorted={isSorted} />}
      />
    </>
  );
}
