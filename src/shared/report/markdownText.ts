/** Markdown around text that is not ours. */

/** Text in which nothing is markup: names come from the model. An underscore inside a word is none. */
export function inline(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll(/[\\`*[\]<>|~$]|(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])/g, '\\$&');
}

/** A table whose cells are plain text. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(inline).join(' | ')} |`;
  return [line(header), `|${header.map(() => ' --- ').join('|')}|`, ...rows.map(line)].join('\n');
}
