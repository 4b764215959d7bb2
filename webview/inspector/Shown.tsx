import type { ComponentChildren } from 'preact';
import type { Answer } from './useAnswer';

interface ShownProps<T> {
  answer: Answer<T>;
  show: (value: T) => ComponentChildren;
  /** While nothing is there yet. */
  reading?: string;
}

/** An answer, or why there is none. */
export function Shown<T>({ answer, show, reading = 'Reading the weight…' }: ShownProps<T>) {
  if (answer.hint !== undefined) return <p class="hint">{answer.hint}</p>;
  if (answer.error !== undefined) {
    return (
      <p class="note" role="alert">
        <span class="codicon codicon-error" aria-hidden="true" /> {answer.error}
      </p>
    );
  }
  return answer.value === undefined ? <p class="hint">{reading}</p> : <>{show(answer.value)}</>;
}
