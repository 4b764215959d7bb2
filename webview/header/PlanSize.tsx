import { formatInteger, plural } from '../../src/shared/format';
import type { PredictionView, ViewCommand } from '../../src/shared/viewRpc';
import { planSizeText } from './planSizeText';

interface PlanSizeProps {
  prediction: PredictionView;
  /** What makes up for the errors of weights. */
  recover: readonly string[];
  run: (command: ViewCommand) => void;
}

/** What the plan would write: the bytes before and after, or why they are not known. */
export function PlanSize({ prediction, recover, run }: PlanSizeProps) {
  const { state, bytes, notes, notesCount, error } = prediction;
  const isCurrent = state === 'current';
  return (
    <>
      <span class={`value${isCurrent ? '' : ' dim'}`} role="status" title={error ?? exactText(bytes)}>
        {planSizeText(prediction)}
      </span>
      {state === 'waiting' && (
        <button
          type="button"
          class="link"
          title="It takes some seconds for this model, so it does not follow every edit"
          onClick={() => run('predict')}
        >
          Predict Size
        </button>
      )}
      {recover.length > 0 && (
        <button
          type="button"
          class="link"
          title="What makes up for the errors of weights when the model is written. Click to change it."
          onClick={() => run('compensate')}
        >
          Compensated: {recover.join(', ')}
        </button>
      )}
      <button type="button" class="link" onClick={() => run('applyPreset')}>
        Apply Preset…
      </button>
      {isCurrent && notesCount > 0 && (
        <details class="plan-notes">
          <summary>{plural(notesCount, 'note')}</summary>
          <ul>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
            {notesCount > notes.length && <li>and {formatInteger(notesCount - notes.length)} more</li>}
          </ul>
        </details>
      )}
    </>
  );
}

function exactText(bytes: PredictionView['bytes']): string | undefined {
  if (!bytes) return undefined;
  const [before, after] = [bytes.before, bytes.after].map(formatInteger);
  return `${before} → ${after} bytes, by a dry run of the writer`;
}
