/** A class for people: `cat (3)`, or its index alone. */
export function classText(index: number, names: Readonly<Record<string, string>>): string {
  const name = Object.hasOwn(names, index) ? names[index] : undefined;
  return name ? `${name} (${index})` : String(index);
}

/** Which of two models names the label. */
export function whichIsRight(a: number, b: number, label: number | null): string {
  if (label === null) return '–';
  if (label === a) return label === b ? 'both' : 'A';
  return label === b ? 'B' : 'neither';
}
