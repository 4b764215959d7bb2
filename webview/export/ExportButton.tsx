import type { ComponentChildren } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { ExportContext } from './exporter';
import { tableCsv } from './tableCsv';

interface ExportButtonProps {
  /** Of the chart or the table: names it and its file. */
  title: string;
  /** Makes the table of the figures; absent: there is only a chart. */
  table?: () => ComponentChildren;
  /** The same as text, where no table is shown. */
  csv?: () => string;
  /** Finds the chart; the nearest one before the button when absent. */
  chart?: () => SVGSVGElement | null;
}

/** Offers a chart as SVG and PNG, and its figures as CSV. */
export function ExportButton({ title, table, csv, chart }: ExportButtonProps) {
  const exporter = useContext(ExportContext);
  const button = useRef<HTMLButtonElement>(null);
  const [error, setError] = useState<string | null>(null);
  if (!exporter) return null;
  const run = (): void => {
    setError(null);
    const shown = chart ? chart() : chartBefore(button.current);
    const text = csv ?? (table ? () => tableCsv(table()) : null);
    exporter.run({ title, chart: shown, csv: text }).catch((reason: unknown) => {
      setError(reason instanceof Error ? reason.message : String(reason));
    });
  };
  return (
    <span class="export">
      <button
        ref={button}
        type="button"
        title={`Export “${title}”…`}
        aria-label={`Export ${title}`}
        onClick={run}
      >
        <span class="codicon codicon-export" aria-hidden="true" />
      </button>
      {error !== null && (
        <span class="note" role="alert">
          {error}
        </span>
      )}
    </span>
  );
}

/** The chart in the nearest figure that stands before an element, among its neighbours or those of its parents. */
function chartBefore(element: Element | null): SVGSVGElement | null {
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    for (let before = at.previousElementSibling; before; before = before.previousElementSibling) {
      const charts = [before, ...before.querySelectorAll('figure')].filter(
        ({ localName }) => localName === 'figure',
      );
      const svg = charts.at(-1)?.querySelector('svg');
      if (svg) return svg;
    }
  }
  return null;
}
