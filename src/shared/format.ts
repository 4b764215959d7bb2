/** One formatter per quantity, the same in the view, the notifications and the reports. Locale independent. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes with a decimal unit and three significant digits: `1.95 MB`. */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, UNITS, ' ');
}

/** Counts of parameters or multiply-accumulates: `481 k`, `1.82 G`. */
export function formatCount(count: number): string {
  return withUnit(count, ['', 'k', 'M', 'G', 'T', 'P'], ' ').trimEnd();
}

function withUnit(value: number, units: readonly string[], gap: string): string {
  let scaled = value;
  let unit = 0;
  // 999.5 would print as 1000 of the smaller unit.
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${gap}${units[unit] ?? ''}`;
}

/** `1×28×28`, `?` for unknown dimensions, `scalar` for rank 0, `unknown` for unknown rank. */
export function formatShape(shape: readonly (number | string | null)[] | null): string {
  if (shape === null) return 'unknown';
  if (shape.length === 0) return 'scalar';
  return shape.map((dim) => dim ?? '?').join('×');
}

/** Three significant digits; exponent where the number would need leading zeros. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-3 || magnitude >= 1e6) return value.toExponential(1);
  return Number(value.toPrecision(3)).toString();
}

/** So many significant digits, zeros at the end too; whole numbers of more digits without an exponent. */
export function formatDigits(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  return text.includes('e+') && Math.abs(value) < 1e9 ? value.toFixed(0) : text;
}

/** Decibels; null means that there is no noise at all. */
export function formatDb(db: number | null): string {
  return db === null ? 'exact' : `${db.toFixed(1)} dB`;
}

/** A share as a percentage with one digit. */
export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Whole numbers with thin groups: `481,342`. */
export function formatInteger(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 layer`, `3 layers`. */
export function plural(count: number, noun: string): string {
  return `${formatInteger(count)} ${noun}${count === 1 ? '' : 's'}`;
}
