import { useEffect, useState } from 'preact/hooks';
import type { NodeSource, SourceFrame } from '../../src/core/inspectorResults';
import { plural } from '../../src/shared/format';
import type { Host } from '../host';
import { Disclosure } from './Disclosure';
import { Shown } from './Shown';
import { useAnswer } from './useAnswer';

interface SourceSectionProps {
  host: Host;
  layer: string;
  revision: number;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
}

/** The Python lines that a row comes from; a click opens one. */
export function SourceSection({ host, layer, revision, isOpen, onToggle }: SourceSectionProps) {
  const subject = JSON.stringify([revision, layer]);
  const answer = useAnswer(subject, isOpen ? '' : null, () => host.call('sourceOf', { layer }));
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => setProblem(null), [subject]);
  const open = (frame: SourceFrame): void => {
    setProblem(null);
    host.call('openSource', frame).catch((error: unknown) => {
      setProblem(error instanceof Error ? error.message : String(error));
    });
  };
  return (
    <Disclosure
      id="source"
      title="Source"
      isOpen={isOpen}
      isBusy={isOpen && answer.isBusy}
      onToggle={onToggle}
    >
      <Shown
        answer={answer}
        show={(source) => <Frames source={source} open={open} />}
        reading="Reading the stack trace…"
      />
      {problem !== null && (
        <p class="note" role="alert">
          <span class="codicon codicon-info" aria-hidden="true" /> {problem}
        </p>
      )}
    </Disclosure>
  );
}

function Frames({ source, open }: { source: NodeSource; open: (frame: SourceFrame) => void }) {
  const { frames, others } = source;
  if (frames.length === 0) return <p class="hint">The exporter noted no stack trace for this node.</p>;
  return (
    <>
      <ol class="source-frames">
        {frames.map((frame) => (
          <li key={JSON.stringify(frame)}>
            <button type="button" class="link" title={`Open ${frame.file}`} onClick={() => open(frame)}>
              {placeOf(frame)}
            </button>{' '}
            <span class="dim">in {frame.function}</span>
            {frame.code !== null && <code>{frame.code}</code>}
          </li>
        ))}
      </ol>
      {others > 0 && <p class="hint">{plural(others, 'call')} of libraries and further out left out.</p>}
    </>
  );
}

/** Folders of a path that are shown; the rest is the title. */
const SHOWN_PARTS = 3;

/** `net/block.py:31`. */
function placeOf({ file, line }: SourceFrame): string {
  const parts = file.split(/[\\/]/).filter((part) => part !== '');
  const shown = parts.slice(-SHOWN_PARTS).join('/');
  return `${parts.length > SHOWN_PARTS ? '…/' : ''}${shown}:${line}`;
}
