/** Charts and tables as files: calls that every view can make of its host. */

/** `copy`: the table as CSV, into the clipboard. */
export type ExportKind = 'svg' | 'png' | 'csv' | 'copy';

export interface ExportMethods {
  /** Lets the user choose what becomes of a chart or a table. null: nothing. */
  chooseExport(request: { title: string; kinds: ExportKind[] }): Promise<ExportKind | null>;
  /** Asks for a file beside the model and writes it, or copies. `content`: gzip, in base64. */
  saveExport(request: { title: string; kind: ExportKind; content: string }): Promise<null>;
}

/** Longer contents stay in the view: no message is larger than 1 MB. */
export const MOST_EXPORT_CHARACTERS = 1_000_000;

/** `Range by channel` → `range-by-channel`, for the name of a file. */
export function exportName(title: string): string {
  const words = title.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['chart'];
  return words.join('-').slice(0, 60);
}
