import { plural } from '../../src/shared/format';

/** More of them would push the figures out of sight: then they open on demand. */
const MOST_SHOWN = 3;

/** What was noticed of the data and while quantizing. */
export function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <details open={notes.length <= MOST_SHOWN}>
      <summary>{plural(notes.length, 'note')}</summary>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}
