import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface TableTwinProps {
  /** Of the table, for those who do not see it. */
  label: string;
  /** Makes the table: only when it is opened, as it can have thousands of rows. */
  table: () => ComponentChildren;
}

/** A chart's figures as a table, behind a summary that the keyboard reaches. */
export function TableTwin({ label, table }: TableTwinProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="twin" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures as a table</summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
        {isOpen && table()}
      </div>
    </details>
  );
}
