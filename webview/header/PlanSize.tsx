import { formatBytes, formatInteger, formatPercent, plural } from '../../src/shared/format';
import type { PredictionView, ViewCommand } from '../../src/shared/viewRpc';

interface PlanSizeProps {
  prediction: PredictionView;
  run: (command: ViewCommand) => void;
}

/** What the plan would write: the bytes before and after, or why they are not known. */
export function PlanSize({ prediction, run }: PlanSizeProps) {
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

/** `1.95 MB → 506 kB (26.0 %), predicted`. A figure of an older plan is never shown as if it were of this one. */
export function planSizeText({ state, bytes }: PredictionView): string {
  const sizes = bytes && `${formatBytes(bytes.before)} → ${formatBytes(bytes.after)}`;
  switch (state) {
    case 'current':
      return bytes ? `${sizes ?? ''} (${formatPercent(bytes.after / bytes.before)}), predicted` : '';
    case 'running':
      return sizes ? `${sizes}, predicting again…` : 'predicting…';
    case 'waiting':
      return sizes ? `${sizes} before the last edits` : 'not predicted';
    case 'failed':
      return 'cannot be written';
    case 'none':
      return 'unknown';
  }
}

function exactText(bytes: PredictionView['bytes']): string | undefined {
  if (!bytes) return undefined;
  const [before, after] = [bytes.before, bytes.after].map(formatInteger);
  return `${before} → ${after} bytes, by a dry run of the writer`;
}
