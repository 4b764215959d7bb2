import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { WeightStatistics } from '../../src/core/inspectorResults';
import type { ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import type { ViewState } from '../viewState';
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
export type SectionState = Pick<ViewState, 'openSections' | 'widestFirst' | 'neighbourDepth'>;

interface WeightSectionsProps {
  row: ViewRow;
  host: Host;
  revision: number;
  state: SectionState;
  change: (part: Partial<SectionState>) => void;
}

/** Operators whose weights are W for the input and R for the state. */
const RECURRENT: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/** What there is to know of the selected layer's weight, in sections that ask for their figures when they are open. */
export function WeightSections({ row, host, revision, state, change }: WeightSectionsProps) {
  const [weight, setWeight] = useState(0);
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
  const formatted = useAnswer(
    subject,
    hasFormat && (isOpen('codes') || isOpen('codebook')) ? row.scheme : null,
    () => host.call('weightStatistics', { ...request, scheme: row.scheme }),
  );
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
      {RECURRENT.has(row.op) && <WeightChoice weight={weight} onWeight={setWeight} />}
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
        section('codes', 'Codes', hasFormat ? formatted : KEPT_FLOAT, (value) =>
          value.format ? <Codes use={value.format} /> : null,
        )}
      {row.quantizable &&
        section('codebook', 'Codebook', hasFormat ? formatted : KEPT_FLOAT, (value) => (
          <Codebook statistics={value} />
        ))}
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
  hint: 'The plan keeps this layer float. With another scheme, its codes are shown here.',
  isBusy: false,
};

function WeightChoice({ weight, onWeight }: { weight: number; onWeight: (weight: number) => void }) {
  const choose = (event: Event): void => onWeight(Number((event.currentTarget as HTMLSelectElement).value));
  return (
    <label class="field">
      <span>Weight</span>
      <vscode-single-select label="Weight" value={String(weight)} onChange={choose}>
        <vscode-option value="0">W: of the input</vscode-option>
        <vscode-option value="1">R: of the state</vscode-option>
      </vscode-single-select>
    </label>
  );
}

export function withSection(open: readonly string[], id: string, isOpen: boolean): string[] {
  return [...open.filter((other) => other !== id), ...(isOpen ? [id] : [])];
}
