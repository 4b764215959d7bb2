import type { ComponentChildren } from 'preact';
import type { WeightStatistics } from '../../src/core/inspectorResults';
import type { ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import type { ViewState } from '../viewState';
import { ChannelErrors } from './ChannelErrors';
import { Channels } from './Channels';
import { Codebook } from './Codebook';
import { Codes } from './Codes';
import { Disclosure } from './Disclosure';
import { Shown } from './Shown';
import { useAnswer, type Answer } from './useAnswer';
import { WeightFacts } from './WeightFacts';
import { WeightHeat } from './WeightHeat';
import { schemeBits } from './weightText';

/** The part of the view's state that is about the sections of the inspector. */
export type SectionState = Pick<ViewState, 'openSections' | 'widestFirst' | 'worstFirst' | 'neighbourDepth'>;

interface WeightSectionsProps {
  row: ViewRow;
  /** Which of the layer's weights. */
  weight: number;
  host: Host;
  revision: number;
  state: SectionState;
  change: (part: Partial<SectionState>) => void;
}

/** What there is to know of the selected layer's weight, in sections that ask for their figures when they are open. */
export function WeightSections({ row, weight, host, revision, state, change }: WeightSectionsProps) {
  const layer = row.name;
  const bits = schemeBits(row.scheme);
  const isOpen = (id: string): boolean => state.openSections.includes(id);
  const toggle =
    (id: string) =>
    (opened: boolean): void =>
      change({ openSections: withSection(state.openSections, id, opened) });
  const hasFormat = row.quantizable && row.scheme !== 'float';
  const request = { layer, weight, bits };
  const subject = JSON.stringify([revision, layer, weight]);
  const statistics = useAnswer(subject, isOpen('weights') || isOpen('channels') ? `${bits}` : null, () =>
    host.call('weightStatistics', request),
  );
  // Of the plan's format, or where the plan has none for it of the codes that the file holds.
  const wish = hasFormat ? { scheme: row.scheme } : row.stored ? { stored: true } : undefined;
  const isWished = isOpen('codes') || isOpen('codebook') || (hasFormat && isOpen('channelErrors'));
  const coded = useAnswer(subject, wish && isWished ? JSON.stringify(wish) : null, () =>
    host.call('weightStatistics', { ...request, ...wish }),
  );
  const codes = wish ? coded : KEPT_FLOAT;
  const section = (
    id: string,
    title: string,
    answer: Answer<WeightStatistics>,
    show: (value: WeightStatistics) => ComponentChildren,
  ) => (
    <Disclosure
      id={id}
      title={title}
      isOpen={isOpen(id)}
      isBusy={isOpen(id) && answer.isBusy}
      onToggle={toggle(id)}
    >
      <Shown answer={answer} show={show} />
    </Disclosure>
  );
  return (
    <>
      {section('weights', 'Weight statistics', statistics, (value) => (
        <WeightFacts
          statistics={value}
          onExport={() => void host.call('exportWeight', { layer, weight }).catch(() => undefined)}
        />
      ))}
      {section('channels', 'Channels', statistics, (value) => (
        <Channels
          statistics={value}
          isSorted={state.widestFirst}
          onSorted={(widestFirst) => change({ widestFirst })}
        />
      ))}
      {row.quantizable &&
        section('channelErrors', 'Error by channel', hasFormat ? coded : KEPT_FLOAT, (value) =>
          value.format ? (
            <ChannelErrors
              use={value.format}
              isFolded={value.isFolded ?? false}
              isSorted={state.worstFirst}
              onSorted={(worstFirst) => change({ worstFirst })}
            />
          ) : null,
        )}
      {(row.quantizable || row.stored) && (
        <>
          {section('codes', 'Codes', codes, (value) => (
            <Codes statistics={value} />
          ))}
          {section('codebook', 'Codebook', codes, (value) => (
            <Codebook statistics={value} />
          ))}
        </>
      )}
      {(row.weight?.shape.length ?? 0) > 1 && (
        <WeightHeat
          host={host}
          layer={layer}
          weight={weight}
          revision={revision}
          isOpen={isOpen('heat')}
          onToggle={toggle('heat')}
        />
      )}
    </>
  );
}

const KEPT_FLOAT: Answer<WeightStatistics> = {
  hint: 'The plan keeps this layer float. With another scheme, what it does to the weight is shown here.',
  isBusy: false,
};

export function withSection(open: readonly string[], id: string, isOpen: boolean): string[] {
  return [...open.filter((other) => other !== id), ...(isOpen ? [id] : [])];
}
