/** Columns padded to their widest cell; numbers (and anything in `right`) aligned right. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, line[column]?.length ?? 0), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `1.3 MB`: decimal units, as file managers and download pages use. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toPrecision(3)} ${units[unit] ?? ''}`;
}

/** `1,234,567`; unknown as `?`. */
export function countText(count: number | null): string {
  return count === null ? '?' : count.toLocaleString('en-US');
}

/** `35.42 dB`; null as `identical`: no noise. */
export function decibelText(decibels: number | null): string {
  return decibels === null ? 'identical' : `${decibels.toFixed(2)} dB`;
}

export function percentText(fraction: number | null): string {
  return fraction === null ? '' : `${(100 * fraction).toFixed(2)} %`;
}

export function shapeText(shape: readonly (number | string | null)[] | null): string {
  return shape === null ? 'any shape' : `[${shape.map((size) => size ?? '?').join(', ')}]`;
}

export function jsonText(result: unknown): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/**
 * Text in which control characters are written as `\\u001b`: names come from the model, and a terminal would obey them.
 * Newlines stay. JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
