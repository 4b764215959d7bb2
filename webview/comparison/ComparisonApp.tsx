import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ComparisonMethods, ComparisonSnapshot } from '../../src/shared/comparisonRpc';
import { plural } from '../../src/shared/format';
import type { Host } from '../host';
import { Shown } from '../inspector/Shown';
import { useAnswer } from '../inspector/useAnswer';
import { LayersSection } from './LayersSection';
import { Notes } from './Notes';
import { OutputSections } from './OutputSections';
import type { ComparisonState } from './state';
import { CostTable, OutputTable } from './Summary';

export type ComparisonHost = Host<ComparisonMethods, never>;

interface ComparisonAppProps {
  host: ComparisonHost;
  initial: ComparisonState;
  save: (state: ComparisonState) => void;
}

/** Two models on the same samples: what differs, where, and at what cost. */
export function ComparisonApp({ host, initial, save }: ComparisonAppProps) {
  const [snapshot, setSnapshot] = useState<ComparisonSnapshot | undefined>(undefined);
  const [failure, setFailure] = useState<string | null>(null);
  const [state, setState] = useState(initial);
  // Not a part of the state: nothing is drawn anew while the page scrolls.
  const scrollTop = useRef(initial.scrollTop);
  const change = useCallback(
    (part: Partial<ComparisonState>) => setState((old) => ({ ...old, ...part })),
    [],
  );
  useEffect(() => {
    host.call('ready', {}).then(
      (found) => {
        if (!found) return setFailure('This comparison is no longer there. Compare the models again.');
        setSnapshot(found);
        change({ id: found.id });
      },
      (error: unknown) => setFailure(error instanceof Error ? error.message : String(error)),
    );
  }, [host]);
  const keep = (): void => {
    if (state.id !== '') save({ ...state, scrollTop: scrollTop.current });
  };
  useEffect(keep, [state]);
  const onScroll = (top: number): void => {
    scrollTop.current = top;
    keep();
  };
  if (failure !== null) {
    return (
      <div class="centered" role="status">
        <p>{failure}</p>
      </div>
    );
  }
  if (!snapshot) return null;
  const top = scrollTop.current;
  return <Compared {...{ snapshot, host, state, change, onScroll }} scrollTop={top} />;
}

interface ComparedProps {
  snapshot: ComparisonSnapshot;
  host: ComparisonHost;
  state: ComparisonState;
  change: (part: Partial<ComparisonState>) => void;
  /** Where the page was when it was last drawn. */
  scrollTop: number;
  onScroll: (top: number) => void;
}

function Compared({ snapshot, host, state, change, scrollTop, onScroll }: ComparedProps) {
  const { outputs, layers, costs, notes } = snapshot;
  const page = useRef<HTMLElement>(null);
  const detailed = outputs.filter(({ hasDetails }) => hasDetails);
  const output = detailed.find(({ name }) => name === state.output) ?? detailed[0];
  const answer = useAnswer(output?.name ?? '', output?.name ?? null, () =>
    host.call('output', { name: output?.name ?? '' }),
  );
  const isThere = answer.value !== undefined || output === undefined;
  useEffect(() => {
    // Only now is there enough to scroll.
    if (isThere) page.current?.scrollTo({ top: scrollTop });
  }, [isThere]);
  return (
    <main
      class="comparison"
      ref={page}
      tabIndex={-1}
      onScroll={(event) => isThere && onScroll(event.currentTarget.scrollTop)}
    >
      <header>
        <h1>
          {snapshot.a} against {snapshot.isPlan ? 'its plan' : snapshot.b}
        </h1>
        <p>{measuredText(snapshot)}</p>
        {snapshot.random && (
          <p class="notice warning">
            <span class="codicon codicon-warning" aria-hidden="true" /> Random inputs: figures will not hold
            for real data.
          </p>
        )}
        <div class="buttons">
          <vscode-button
            secondary
            title="All of it as a document, to be kept or sent"
            onClick={() => void host.call('openMarkdown', {}).catch(() => undefined)}
          >
            Open as Markdown
          </vscode-button>
        </div>
        <Notes notes={notes} />
      </header>
      <div class="tables">
        <OutputTable outputs={outputs} />
        <CostTable costs={costs} />
      </div>
      {detailed.length > 1 && (
        <label class="field inline">
          <span>Output</span>
          <vscode-single-select
            label="Output"
            value={output?.name}
            onChange={(event: Event) =>
              change({ output: (event.currentTarget as HTMLSelectElement).value, sample: null })
            }
          >
            {detailed.map(({ name }) => (
              <vscode-option key={name} value={name}>
                {name}
              </vscode-option>
            ))}
          </vscode-single-select>
        </label>
      )}
      {output && (
        <Shown
          answer={answer}
          reading="Reading the samples…"
          show={(view) => (
            <OutputSections name={output.name} view={view} host={host} state={state} change={change} />
          )}
        />
      )}
      <LayersSection layers={layers} />
    </main>
  );
}

function measuredText({ a, b, isPlan, samples, slice, data }: ComparisonSnapshot): string {
  const second = isPlan ? `what the plan makes of it (${b}, not kept)` : b;
  const where = slice === 'verify' ? ' of the verify slice' : '';
  return `A is ${a}, B is ${second}. Measured on ${plural(samples, 'sample')}${where} of ${data}, both files as run.`;
}
