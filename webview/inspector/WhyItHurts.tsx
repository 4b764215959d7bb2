import { useEffect, useRef, useState } from 'preact/hooks';
import type { LayerExplanation } from '../../src/core/explainResults';
import type { ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { Explanation } from './Explanation';

interface WhyItHurtsProps {
  row: ViewRow;
  host: Host;
  revision: number;
  /** Why models must not be run here; null when they may. */
  lookOnly: string | null;
  /** The host wants this layer explained at once. */
  isWished: boolean;
  onWishTaken: () => void;
}

type Answer = 'running' | { explanation: LayerExplanation } | { error: string } | undefined;

/** Causes and remedies of one layer, when the user asks for them. One of these per layer: it forgets with its key. */
export function WhyItHurts({ row, host, revision, lookOnly, isWished, onWishTaken }: WhyItHurtsProps) {
  const [answer, setAnswer] = useState<Answer>(undefined);
  // Only the answer to the last question counts.
  const asked = useRef(0);
  const section = useRef<HTMLElement>(null);
  const isLookedFor = useRef(false);
  const explain = (): void => {
    const question = ++asked.current;
    setAnswer('running');
    host.call('explain', { layer: row.name }).then(
      (explanation) => question === asked.current && setAnswer({ explanation }),
      (error: unknown) =>
        question === asked.current &&
        setAnswer({ error: error instanceof Error ? error.message : String(error) }),
    );
  };
  useEffect(() => {
    if (!isWished) return;
    onWishTaken();
    isLookedFor.current = true;
    explain();
  }, [isWished]);
  // It was about another model.
  useEffect(() => {
    return () => {
      asked.current++;
      setAnswer(undefined);
    };
  }, [revision]);
  // The section grows with its answer: only then can it be scrolled to the top.
  useEffect(() => {
    if (!isLookedFor.current || answer === undefined) return;
    showAtTop(section.current);
    isLookedFor.current = answer === 'running';
  }, [answer]);
  const isRunning = answer === 'running';
  const explanation = typeof answer === 'object' && 'explanation' in answer ? answer.explanation : undefined;
  const isStale = explanation !== undefined && row.scheme !== 'float' && explanation.scheme !== row.scheme;
  return (
    <section class="why" ref={section} aria-label="Why it hurts" aria-busy={isRunning}>
      <div class="section-head">
        <h3>Why it hurts</h3>
        <vscode-button
          secondary
          disabled={isRunning || lookOnly !== null}
          title={
            lookOnly ?? 'Clipping, rounding, spread of channels, interaction: and which scheme would help'
          }
          onClick={explain}
        >
          {explanation ? 'Explain Again' : 'Explain'}
        </vscode-button>
      </div>
      {isRunning && (
        <p class="hint working" role="status">
          <span class="codicon codicon-loading codicon-modifier-spin" aria-hidden="true" /> Looking for
          causes…
        </p>
      )}
      {typeof answer === 'object' && 'error' in answer && (
        <p class="note" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" /> {answer.error}
        </p>
      )}
      {isStale && (
        <p class="hint">
          This was about {explanation.scheme}; the plan has {row.scheme} now.
        </p>
      )}
      {explanation && (
        <Explanation
          explanation={explanation}
          planned={row.scheme}
          onScheme={(scheme) =>
            void host.call('setScheme', { names: [row.name], scheme }).catch(() => undefined)
          }
        />
      )}
    </section>
  );
}

/** Scrolls the inspector alone: `scrollIntoView` would move the page with it. */
function showAtTop(section: HTMLElement | null): void {
  const pane = section?.closest('.inspector');
  if (section && pane) {
    pane.scrollTop += section.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  }
}
