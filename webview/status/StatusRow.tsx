import { formatInteger } from '../../src/shared/format';
import type { ScanProgress, ScanView, SearchView, ViewCommand } from '../../src/shared/viewRpc';
import { scanAnnouncement, scanFigures, searchAnnouncement } from './statusText';

interface StatusRowProps {
  scan: ScanView;
  search: SearchView;
  run: (command: ViewCommand) => void;
}

/** What runs or is paused, how far it is, and the buttons that stop it. Nothing while nothing runs. */
export function StatusRow({ scan, search, run }: StatusRowProps) {
  return (
    <>
      <p class="visually-hidden" role="status">
        {scanAnnouncement(scan)} {searchAnnouncement(search)}
      </p>
      {(scan.running !== null || search.running !== null) && (
        <section class="status" aria-label="Running work">
          {scan.running && <ScanStatus scan={scan.running} run={run} />}
          {search.running && <SearchStatus search={search.running} run={run} />}
        </section>
      )}
    </>
  );
}

function ScanStatus({ scan, run }: { scan: ScanProgress; run: (command: ViewCommand) => void }) {
  const { done, total, message, paused } = scan;
  return (
    <div class={`status-line${paused ? ' paused' : ''}`}>
      <span class={`codicon codicon-${paused ? 'debug-pause' : 'pulse'}`} aria-hidden="true" />
      <b>{paused ? 'Scan paused' : 'Scanning'}</b>
      <span class="message" title={message}>
        {paused ? 'What is measured is kept.' : message}
      </span>
      <Progress label="Scan" done={done} total={total} />
      <span class="figures">{scanFigures(scan)}</span>
      <span class="buttons">
        <vscode-button secondary onClick={() => run(paused ? 'resumeScan' : 'pauseScan')}>
          {paused ? 'Resume Scan' : 'Pause Scan'}
        </vscode-button>
        <vscode-button secondary onClick={() => run('cancelScan')}>
          Cancel Scan
        </vscode-button>
      </span>
    </div>
  );
}

interface SearchStatusProps {
  search: NonNullable<SearchView['running']>;
  run: (command: ViewCommand) => void;
}

function SearchStatus({ search, run }: SearchStatusProps) {
  const { done, total, message } = search;
  return (
    <div class="status-line">
      <span class="codicon codicon-search" aria-hidden="true" />
      <b>Searching</b>
      <span class="message" title={message}>
        {message}
      </span>
      <Progress label="Search" done={done} total={total} />
      <span class="figures">{total > 0 ? `${formatInteger(done)} of ${formatInteger(total)}` : ''}</span>
      <span class="buttons">
        <vscode-button secondary onClick={() => run('cancelSearch')}>
          Cancel Search
        </vscode-button>
      </span>
    </div>
  );
}

function Progress({ label, done, total }: { label: string; done: number; total: number }) {
  return (
    <progress
      class="track"
      aria-label={label}
      max={Math.max(total, 1)}
      // Without a value it shows that work goes on.
      value={total > 0 ? done : undefined}
    />
  );
}
