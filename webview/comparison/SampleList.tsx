import { useEffect, useRef } from 'preact/hooks';
import { classText } from '../../src/shared/classText';
import type { SampleRow } from '../../src/shared/comparisonRpc';
import { formatDb, formatInteger, formatPercent } from '../../src/shared/format';
import { listStep } from './listKeys';

interface SampleListProps {
  rows: readonly SampleRow[];
  classNames: Readonly<Record<string, string>>;
  hasClasses: boolean;
  chosen: number | null;
  onChoose: (sample: number) => void;
}

/** The compared samples, one of which is chosen: by mouse, arrow keys, Page Up and Down, Home and End. */
export function SampleList({ rows, classNames, hasClasses, chosen, onChoose }: SampleListProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = rows.findIndex(({ sample }) => sample === chosen);
    const next = rows[listStep(event.key, at, rows.length) ?? -1];
    if (!next || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    onChoose(next.sample);
  };
  return (
    <div class="sample-pane">
      <div class="sample-head" aria-hidden="true">
        <span />
        <span>Sample</span>
        {hasClasses && <span>Class of A → B</span>}
        {hasClasses && <span>Label</span>}
        <span class="number">SQNR</span>
      </div>
      <div
        class="sample-list"
        role="listbox"
        aria-label="Compared samples"
        tabIndex={0}
        ref={list}
        aria-activedescendant={chosen === null ? undefined : `sample-${chosen}`}
        onKeyDown={onKeyDown}
      >
        {rows.map((row) => {
          const { sample, changed, label, sqnrDb } = row;
          return (
            <div
              key={sample}
              id={`sample-${sample}`}
              role="option"
              aria-selected={sample === chosen}
              class={`sample${changed > 0 ? ' changed' : ''}`}
              onClick={() => onChoose(sample)}
            >
              <span>
                {changed > 0 && <span class="codicon codicon-arrow-swap" role="img" aria-label="changes" />}
              </span>
              <span class="number">{sample}</span>
              {hasClasses && <span class="classes">{classesOf(row, classNames)}</span>}
              {hasClasses && (
                <span class="classes">{label === null ? '–' : classText(label, classNames)}</span>
              )}
              <span class="number">{formatDb(sqnrDb)}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function classesOf({ a, b, changed, vectors }: SampleRow, names: Readonly<Record<string, string>>): string {
  if (a === null || b === null || vectors > 1) {
    return `${formatInteger(changed)} of ${formatInteger(vectors)} (${formatPercent(changed / Math.max(1, vectors))})`;
  }
  return a === b ? classText(a, names) : `${classText(a, names)} → ${classText(b, names)}`;
}
