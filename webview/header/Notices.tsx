import type { ComponentChildren } from 'preact';
import type { Problem } from '../../src/core/results';
import { formatInteger, plural } from '../../src/shared/format';
import type { ViewCommand, ViewSnapshot } from '../../src/shared/viewRpc';

/** Everything the user should know before trusting what is shown: problems in the file, the plan, the last scan. */
export function Notices({ snapshot, run }: { snapshot: ViewSnapshot; run: (command: ViewCommand) => void }) {
  const { model, plan, scan, search, prediction, lookOnly } = snapshot;
  const problems = model.state === 'ready' ? model.header.problems : [];
  return (
    <div class="notices">
      {lookOnly && <Notice icon="shield">{lookOnly}</Notice>}
      {plan.error && <Notice icon="error">{plan.error}</Notice>}
      {prediction.error && (
        <Notice icon="warning">The plan cannot be written as it is. {prediction.error}</Notice>
      )}
      {scan.error && <Failed what="scan" why={scan.error} run={run} />}
      {search.error && <Failed what="search" why={search.error} run={run} />}
      {plan.changedCount > 0 && (
        <Listed icon="warning" names={plan.changed} count={plan.changedCount}>
          The weights of {plural(plan.changedCount, 'planned layer')} changed since the plan was made. The
          entries are kept; set a scheme again to confirm one.
        </Listed>
      )}
      {plan.missingCount > 0 && (
        <Listed icon="warning" names={plan.missing} count={plan.missingCount}>
          {plan.missingCount === 1
            ? '1 entry of the plan names'
            : `${formatInteger(plan.missingCount)} entries of the plan name`}{' '}
          {plan.missingCount === 1 ? 'a node that is' : 'nodes that are'} not in the model. Kept in{' '}
          {plan.file}.
        </Listed>
      )}
      {problems.length > 0 && (
        <details class="problems" open={problems.some(({ severity }) => severity === 'error')}>
          <summary>{fileSummary(problems)}</summary>
          <ul>
            {problems.map(({ severity, message, node }, index) => (
              <li key={index}>
                <span class={`codicon codicon-${severity}`} aria-label={severity} role="img" /> {message}
                {node !== null && !message.includes(node) && <span class="dim"> ({node})</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

interface FailedProps {
  what: 'scan' | 'search';
  why: string;
  run: (command: ViewCommand) => void;
}

function Failed({ what, why, run }: FailedProps) {
  return (
    <Notice icon="error" alert>
      The {what} failed: {why}{' '}
      <button type="button" class="link" onClick={() => run(what)}>
        Retry
      </button>{' '}
      <button type="button" class="link" onClick={() => run('showLog')}>
        Show Log
      </button>
    </Notice>
  );
}

interface NoticeProps {
  icon: 'warning' | 'error' | 'shield';
  alert?: boolean;
  children: ComponentChildren;
}

function Notice({ icon, alert, children }: NoticeProps) {
  return (
    <div class={`notice ${icon}`} role={alert ? 'alert' : 'note'}>
      <span class={`codicon codicon-${icon}`} aria-hidden="true" />
      <div>{children}</div>
    </div>
  );
}

function Listed({ icon, names, count, children }: NoticeProps & { names: readonly string[]; count: number }) {
  return (
    <Notice icon={icon}>
      {children}
      <details>
        <summary>Show {count === 1 ? 'it' : 'them'}</summary>
        <ul>
          {names.map((name) => (
            <li key={name}>{name}</li>
          ))}
          {count > names.length && <li>and {formatInteger(count - names.length)} more</li>}
        </ul>
      </details>
    </Notice>
  );
}

/** Information alone is no problem. */
function fileSummary(problems: readonly Problem[]): string {
  const serious = problems.filter(({ severity }) => severity !== 'info').length;
  return serious > 0
    ? `${plural(serious, 'problem')} in the file`
    : `${plural(problems.length, 'note')} on the file`;
}
