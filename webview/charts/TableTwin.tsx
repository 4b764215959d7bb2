import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ExportButton } from '../export/ExportButton';

interface TableTwinProps {
  /** Of the table, for those who do not see it, and of exported files. */
  label: string;
  /** Leads to the table. */
  summary?: string;
  /** Makes the table: only when it is opened, as it can have thousands of rows. */
  table: () => ComponentChildren;
}

/** The figures of the chart before it as a table, behind a summary that the keyboard reaches, and both as files. */
export function TableTwin({ label, summary = 'Figures as a table', table }: TableTwinProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="twin-row">
      <details class="twin" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>{summary}</summary>
        <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
          {isOpen && table()}
        </div>
      </details>
      <ExportButton title={label} table={table} />
    </div>
  );
}
